/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is one function, which libFuzzer calls with what it made up.
 * In every other build the same function is called for each file of the corpus
 * (replay.c), so that what was found once stays found.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a stream of numbers; past its end all are 0. */
typedef struct FuzzInput {
    const uint8_t *data;
    size_t size, pos;
} FuzzInput;

static inline bool fuzz_more(const FuzzInput *in)
{
    return in->pos < in->size;
}

/* @bytes (1-8), least significant first. */
static inline uint64_t fuzz_int(FuzzInput *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && fuzz_more(in); i++) {
        value |= (uint64_t)in->data[in->pos++] << (8 * i);
    }
    return value;
}

#endif
