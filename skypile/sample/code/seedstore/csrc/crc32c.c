/*
 * CRC-32C (Castagnoli) with slicing by eight: eight table lookups for eight bytes.
 *
 * This is the portable version, used where the processor has no instruction for it. The tables
 * are computed once, on first use; call crc32c_init() before starting threads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* bit-reversed 0x1edc6f41 */

static uint32_t table[8][256];
static int ready;

void crc32c_init(void)
{
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][n] = crc;
    }
    for (int slice = 1; slice < 8; slice++) {
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t before = table[slice - 1][n];
            table[slice][n] = (before >> 8) ^ table[0][before & 0xff];
        }
    }
    ready = 1;
}

/* Little-endian loads, whatever the machine is. */
static uint32_t load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Extend `crc` (0 at the beginning) by `size` bytes. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = data;
    if (!ready)
        crc32c_init();
    crc = ~crc;
    while (size >= 8) {
        uint32_t low = load32(p) ^ crc;
        uint32_t high = load32(p + 4);
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
              table[4][low >> 24] ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff] ^
              table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
        p += 8;
        size -= 8;
    }
    while (size-- > 0)
        crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
    return ~crc;
}

/*
 * A checksum that is stored beside data which hold checksums themselves is rotated and shifted,
 * since the CRC of data with its own CRC appended is a constant.
 */
uint32_t crc32c_mask(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

uint32_t crc32c_unmask(uint32_t masked)
{
    uint32_t rotated = masked - 0xa282ead8u;
    return rotated >> 17 | rotated << 15;
}

#ifdef CRC32C_MAIN
int main(void)
{
    unsigned char buffer[65536];
    uint32_t crc = 0;
    size_t got;
    /* The check value that every description of the algorithm gives. */
    if (crc32c(0, "123456789", 9) != 0xe3069283u) {
        fputs("crc32c: self-test failed\n", stderr);
        return 1;
    }
    while ((got = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        crc = crc32c(crc, buffer, got);
    if (ferror(stdin)) {
        perror("crc32c");
        return 1;
    }
    printf("%08x\n", crc);
    return crc32c_unmask(crc32c_mask(crc)) == crc ? 0 : 1;
}
#endif
