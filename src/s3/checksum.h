// SPDX-License-Identifier: Apache-2.0
/*
 * The checksums that S3 keeps beside an object and gives back as x-amz-checksum-NAME: base64 of CRC-32, CRC-32C,
 * CRC-64/NVME (big-endian), SHA-1 or SHA-256.
 */
#ifndef POMONA_S3_CHECKSUM_H
#define POMONA_S3_CHECKSUM_H

#include <stdbool.h>

#include "base/bytes.h"

#define POMI_CHECKSUM_TEXT_BYTES 48 /* base64 of 32 bytes is 44 characters */

/* Writes the base64 text of the checksum; `name` is "crc32c", "sha256", ... Returns false for another name. */
bool pomi_checksum(const char *name, struct pomi_view bytes, char text[POMI_CHECKSUM_TEXT_BYTES]);

/* Of the 32 bytes that 64 hex digits stand for: SHA-256 as S3 writes it. */
void pomi_checksum_of_hex(const char *hex, char text[POMI_CHECKSUM_TEXT_BYTES]);

#endif
