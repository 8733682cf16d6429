// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

/* Test vectors: FIPS 180-2 appendix B.1 and RFC 1321 appendix A.5, both for "abc". */
static void digests_match_the_published_vectors(void **state)
{
    (void)state;
    char sha256[POMI_SHA256_TEXT_BYTES], md5[POMI_MD5_TEXT_BYTES];
    pomi_sha256_text("abc", 3, sha256);
    pomi_md5_text("abc", 3, md5);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(digests_match_the_published_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
