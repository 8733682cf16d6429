// SPDX-License-Identifier: Apache-2.0
/* What the client reads and writes without a network: checksums, paths, hosts, XML, times, configuration files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s3/checksum.h"
#include "s3/config_files.h"
#include "s3/credentials.h"
#include "s3/endpoint.h"
#include "s3/pages.h"
#include "s3/xml.h"

static struct pom_error err;

static struct pomi_view view(const char *text)
{
    return (struct pomi_view){(const uint8_t *)text, strlen(text)};
}

static void checksums_have_their_check_values(void **state)
{
    (void)state;
    /* Of "123456789": the check values of the catalogue of CRC algorithms, in base64. */
    static const struct {
        const char *name, *text;
    } expected[] = {
        {"crc32", "y/Q5Jg=="},
        {"crc32c", "4waSgw=="},
        {"crc64nvme", "rosUhgp5mIg="},
        {"sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="},
        {"sha256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
    };
    char text[POMI_CHECKSUM_TEXT_BYTES];
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(pomi_checksum(expected[i].name, view("123456789"), text));
        assert_string_equal(text, expected[i].text);
    }
    assert_false(pomi_checksum("md6", view("x"), text));
    pomi_checksum_of_hex("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225", text);
    assert_string_equal(text, expected[4].text);
}

static void paths_are_split(void **state)
{
    (void)state;
    struct pomi_s3_path parts;
    assert_int_equal(pomi_s3_split("s3://bucket/a//b/", &parts, &err), POM_OK);
    assert_string_equal(parts.bucket, "bucket");
    assert_string_equal(parts.key, "a//b/");
    assert_int_equal(pomi_s3_split("s3://bucket", &parts, &err), POM_OK);
    assert_string_equal(parts.key, "");
    assert_int_equal(pomi_s3_split("s3://bucket//", &parts, &err), POM_OK);
    assert_string_equal(parts.key, "/");
    static const char *const bad[] = {"s3://",
                                      "s3:///x",
                                      "s3://a",
                                      "s3://bu cket/x",
                                      "s3://user@bucket/x",
                                      "s3://arn:aws:s3:eu-west-1:1:accesspoint/x",
                                      "s3:/bucket/x",
                                      "s3a://bucket/x",
                                      "S3://bucket/x",
                                      "bucket/x"};
    const size_t n_bad = sizeof bad / sizeof bad[0];
    for (size_t i = 0; i < n_bad; i++) {
        assert_int_equal(pomi_s3_split(bad[i], &parts, &err), POM_ERROR_ARGUMENT);
        assert_int_equal(pomi_s3_is_path(bad[i]), i + 1 < n_bad); /* only the last one is a local name */
    }
    assert_false(pomi_s3_is_path("s3/x") || pomi_s3_is_path("./s3:/x") || pomi_s3_is_path("s3:x"));
}

static void expect_place(const char *url, enum pomi_s3_addressing addressing, const char *bucket,
                         const char *key, const char *host, const char *path)
{
    struct pomi_s3_endpoint endpoint;
    struct pomi_bytes got = {0};
    char got_host[512];
    assert_int_equal(pomi_s3_endpoint_init(&endpoint, url, addressing, &err), POM_OK);
    assert_int_equal(pomi_s3_endpoint_place(&endpoint, bucket, key, "eu-west-1", got_host, &got, &err),
                     POM_OK);
    assert_string_equal(got_host, host);
    assert_string_equal((char *)got.data, path);
    pomi_bytes_release(&got);
}

static void requests_go_to_the_right_host(void **state)
{
    (void)state;
    expect_place(NULL, POMI_S3_ADDRESSING_AUTO, "fruits", "a b", "fruits.s3.eu-west-1.amazonaws.com",
                 "/a%20b");
    expect_place(NULL, POMI_S3_ADDRESSING_AUTO, "fruits.eu", "a", "s3.eu-west-1.amazonaws.com",
                 "/fruits.eu/a");
    expect_place(NULL, POMI_S3_ADDRESSING_AUTO, "Fruits", "a", "s3.eu-west-1.amazonaws.com", "/Fruits/a");
    expect_place(NULL, POMI_S3_ADDRESSING_PATH, "fruits", "", "s3.eu-west-1.amazonaws.com", "/fruits");
    expect_place(NULL, POMI_S3_ADDRESSING_AUTO, "fruits", "", "fruits.s3.eu-west-1.amazonaws.com", "/");
    expect_place("http://127.0.0.1:9000/", POMI_S3_ADDRESSING_AUTO, "fruits", "/a", "127.0.0.1:9000",
                 "/fruits//a");
    expect_place("https://s3.example.org:443/base", POMI_S3_ADDRESSING_AUTO, "fruits", "a", "s3.example.org",
                 "/base/fruits/a");
    expect_place("https://s3.example.org", POMI_S3_ADDRESSING_VIRTUAL, "fruits", "a", "fruits.s3.example.org",
                 "/a");
    static const char *const bad[] = {"ftp://x",      "https://", "https://user:secret@x",
                                      "https://x/?q", "x",        "http://a b"};
    struct pomi_s3_endpoint endpoint;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pomi_s3_endpoint_init(&endpoint, bad[i], POMI_S3_ADDRESSING_AUTO, &err),
                         POM_ERROR_ARGUMENT);
        assert_null(strstr(err.message, "secret"));
    }
}

static void only_regions_are_taken_from_servers(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"https://fruits.s3.eu-west-1.amazonaws.com/a?b", "eu-west-1"},
        {"https://fruits.s3-eu-west-3.amazonaws.com", "eu-west-3"},
        {"https://s3.dualstack.us-west-2.amazonaws.com/fruits/a", "us-west-2"},
        {"https://fruits.s3.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
        {"https://s3.amazonaws.com/fruits", ""},
        {"http://fruits.s3.eu-west-1.amazonaws.com/a", ""},
        {"https://evil.example/s3.eu-west-1.amazonaws.com", ""},
        {"https://user@s3.eu-west-1.amazonaws.com/", ""},
        {"https://s3.eu-west-1.amazonaws.com.evil.example/", ""},
        {"https://.amazonaws.com/", ""},
        {"https://amazonaws.com", ""},
        {"https://.cn", ""},
        {"", ""},
    };
    char region[64];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pomi_s3_region_of_url(cases[i][0], region);
        assert_string_equal(region, cases[i][1]);
    }
    assert_true(pomi_s3_is_region("eu-central-1"));
    static const char *const bad[] = {"", "evil.example/?", "eu west", "a@b", "eu-west-1\r\nx: y"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(pomi_s3_is_region(bad[i]));
}

static void pages_are_read(void **state)
{
    (void)state;
    struct pomi_s3_page page = {0};
    assert_int_equal(
        pomi_s3_page_read(
            &page,
            view("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                 "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                 "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                 "<NextContinuationToken>1&amp;2</NextContinuationToken>"
                 "<Contents><Key>a+b%2B%C3%A9%2Fx.jpg</Key><LastModified>2015-10-21T07:28:00.000Z"
                 "</LastModified><ETag>&quot;x&quot;</ETag><Size>123</Size>"
                 "<StorageClass>GLACIER</StorageClass><Owner><ID>n</ID></Owner></Contents>"
                 "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></ListBucketResult>"),
            &err),
        POM_OK);
    assert_int_equal(page.n_entries, 2);
    assert_true(page.is_truncated);
    assert_string_equal(page.token, "1&2");
    const char *text = (const char *)page.text.data;
    assert_string_equal(text + page.entries[0].key, "a b+\xc3\xa9/x.jpg");
    assert_string_equal(text + page.entries[0].etag, "\"x\"");
    assert_int_equal(page.entries[0].size_bytes, 123);
    assert_int_equal(page.entries[0].modified_s, 1445412480);
    assert_true(page.entries[0].is_archived);
    assert_true(page.entries[1].is_prefix);
    assert_string_equal(text + page.entries[1].key, "c/");
    assert_int_equal(pomi_s3_page_read(&page,
                                       view("<ListBucketResult><Contents><Key>%zz</Key></Contents>"
                                            "<EncodingType>url</EncodingType></ListBucketResult>"),
                                       &err),
                     POM_ERROR_FORMAT);
    pomi_s3_page_release(&page);
}

static void problems_are_read(void **state)
{
    (void)state;
    struct pomi_s3_problem problem;
    pomi_xml_problem(&problem,
                     view("<Error><Code>NoSuchKey</Code><Message>gone</Message><Region>eu-west-1</Region>"
                          "<RequestId>R1</RequestId></Error>"));
    assert_string_equal(problem.code, "NoSuchKey");
    assert_string_equal(problem.region, "eu-west-1");
    assert_string_equal(problem.request_id, "R1");
    pomi_xml_problem(&problem, view("<ErrorResponse><Error><Code>AccessDenied</Code></Error>"
                                    "<RequestId>R2</RequestId></ErrorResponse>"));
    assert_string_equal(problem.code, "AccessDenied");
    assert_string_equal(problem.request_id, "R2");
    pomi_xml_problem(&problem, view("<Error><Code>SlowDown</Code><Mess"));
    assert_string_equal(problem.code, "SlowDown"); /* better than nothing */
    assert_int_equal(pomi_time_of_http("Wed, 21 Oct 2015 07:28:00 GMT"), 1445412480);
    assert_int_equal(pomi_time_of_http("yesterday"), 0);
    assert_int_equal(pomi_time_of_iso8601("2015-10-21T07:28:00Z"), 1445412480);
    assert_int_equal(pomi_time_of_iso8601("2015-10-21 07:28"), 0);
}

static void expect_setting(const struct pomi_aws_files *files, enum pomi_aws_place place, const char *section,
                           const char *name, const char *value)
{
    const char *got = pomi_aws_files_get(files, place, section, name);
    if (value == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, value);
    }
}

static void configuration_files_are_read(void **state)
{
    (void)state;
    struct pomi_aws_files *files;
    assert_int_equal(pomi_aws_files_new(&files, &err), POM_OK);
    assert_int_equal(
        pomi_aws_files_add(files,
                           view("# comment\r\n[default]\r\nRegion = eu-west-1 \r\n"
                                "s3 =\r\n  addressing_style = path\r\n  max_queue_size=7\r\n"
                                "[profile \"two words\"]\nrole_arn=arn:aws:iam::1:role/x=y\n"
                                "credential_process = one\n  two\n"
                                "[plugins]\nx = y\n[services mine]\ns3 =\n  endpoint_url = http://e\n"),
                           false, "config", &err),
        POM_OK);
    assert_int_equal(
        pomi_aws_files_add(files,
                           view("[default]\naws_access_key_id = A\n;x\naws_secret_access_key=s#;=\n"
                                "[two words]\naws_session_token = T\n"),
                           true, "credentials", &err),
        POM_OK);
    expect_setting(files, POMI_AWS_CONFIG, "default", "region", "eu-west-1");
    expect_setting(files, POMI_AWS_CONFIG, "default", "s3.addressing_style", "path");
    expect_setting(files, POMI_AWS_CONFIG, "default", "s3.max_queue_size", "7");
    expect_setting(files, POMI_AWS_CONFIG, "two words", "role_arn", "arn:aws:iam::1:role/x=y");
    expect_setting(files, POMI_AWS_CONFIG, "two words", "credential_process", "one\ntwo");
    expect_setting(files, POMI_AWS_CONFIG, "plugins", "x", NULL);
    expect_setting(files, POMI_AWS_SERVICES, "mine", "s3.endpoint_url", "http://e");
    expect_setting(files, POMI_AWS_CREDENTIALS, "default", "aws_secret_access_key", "s#;=");
    expect_setting(files, POMI_AWS_CREDENTIALS, "two words", "aws_session_token", "T");
    assert_true(pomi_aws_files_has(files, "two words"));
    assert_false(pomi_aws_files_has(files, "mine"));
    assert_int_equal(pomi_aws_files_add(files, view("[x]\nsecretsecret\n"), true, "credentials", &err),
                     POM_ERROR_ARGUMENT);
    assert_non_null(strstr(err.message, "credentials, line 2"));
    assert_null(strstr(err.message, "secretsecret"));
    assert_int_equal(pomi_aws_files_add(files, view("a = b\n"), true, "credentials", &err),
                     POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_aws_files_add(files, view("[a\n"), true, "credentials", &err), POM_ERROR_ARGUMENT);
    pomi_aws_files_free(files);
}

static void answers_of_credential_sources_are_read(void **state)
{
    (void)state;
    struct pomi_credentials credentials;
    assert_int_equal(
        pomi_credentials_of_json(&credentials,
                                 view("{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                                      "\"SessionToken\":\"T\",\"Expiration\":\"2015-10-21T07:28:00Z\"}"),
                                 "x", &err),
        POM_OK);
    assert_string_equal(credentials.token, "T");
    assert_int_equal(credentials.expires_s, 1445412480);
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"AccessKeyId\":\"A\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":1}",
        "{\"AccessKeyId\":\"A\\n\",\"SecretAccessKey\":\"secretsecret\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"secretsecret\",\"Expiration\":\"soon\"}",
        "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pomi_credentials_of_json(&credentials, view(bad[i]), "it", &err), POM_ERROR_IO);
        assert_string_equal(err.reason, "no_credentials");
        assert_null(strstr(err.message, "secretsecret"));
        assert_string_equal(credentials.secret, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_have_their_check_values),
        cmocka_unit_test(paths_are_split),
        cmocka_unit_test(requests_go_to_the_right_host),
        cmocka_unit_test(only_regions_are_taken_from_servers),
        cmocka_unit_test(pages_are_read),
        cmocka_unit_test(problems_are_read),
        cmocka_unit_test(configuration_files_are_read),
        cmocka_unit_test(answers_of_credential_sources_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
