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

static void parts_are_hashed_as_one(void **state)
{
    (void)state;
    static const uint8_t text[] = {'a', 'b', 'c'};
    const struct pomi_view parts[] = {{text, 1}, {NULL, 0}, {text + 1, 2}};
    char sha256[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text_of_parts(parts, 3, sha256);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    pomi_sha256_text_of_parts(NULL, 0, sha256);
    assert_string_equal(sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_shorter_digest_says_how_long_it_is(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                       0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    uint8_t digest[POMI_MAX_DIGEST_BYTES];
    assert_int_equal(pomi_digest(POMI_HASH_SHA1, "abc", 3, digest), sizeof expected);
    assert_memory_equal(digest, expected, sizeof expected);
}

/* RFC 4231, test case 2. */
static void keyed_digests_match_the_published_vector(void **state)
{
    (void)state;
    static const uint8_t expected[POMI_SHA256_BYTES] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
        0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t digest[POMI_SHA256_BYTES];
    pomi_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
    assert_memory_equal(digest, expected, sizeof expected);
}

/* RFC 4648, section 10. */
static void base64_is_padded(void **state)
{
    (void)state;
    static const char *const expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n <= 6; n++) {
        char text[POMI_BASE64_BYTES(6)];
        assert_int_equal(pomi_base64(text, "foobar", n), strlen(expected[n]));
        assert_string_equal(text, expected[n]);
    }
}

static void wiped_memory_is_zero(void **state)
{
    (void)state;
    char secret[] = "secret";
    pomi_wipe(secret, 5);
    assert_memory_equal(secret, "\0\0\0\0\0t", 7);
    pomi_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_match_the_published_vectors),
        cmocka_unit_test(parts_are_hashed_as_one),
        cmocka_unit_test(a_shorter_digest_says_how_long_it_is),
        cmocka_unit_test(keyed_digests_match_the_published_vector),
        cmocka_unit_test(base64_is_padded),
        cmocka_unit_test(wiped_memory_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
