/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM in pieces: where they lie, which blocks follow, and what is given back of
 * pages that are larger than the guest's. Anonymous memory stands in for huge
 * pages: a piece believes what it is told of its pages. */
#include "system/memory.h"

#include <signal.h>
#include <sys/mman.h>

#define BIG (64 * KiB)

static void add(GuestRam *ram, uint64_t size, uint64_t page, uint64_t align)
{
    const RamPiece p = { .fd = -1, .size = size, .page = page, .align = align };

    guest_ram_add_piece(ram, &p);
}

static void test_pieces_adjoin(void)
{
    GuestRam ram = { 0 };

    for (unsigned i = 0; i < RAM_PIECES_MAX; i++) {
        add(&ram, MiB, 4096, 0);
    }
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    g_assert_cmpuint(ram.size, ==, RAM_PIECES_MAX * MiB);
    g_assert_cmpuint(ram.span, ==, ram.size);
    g_assert_cmpuint((uintptr_t)ram.host % (2 * MiB), ==, 0);
    guest_ram_add_block(&ram, 0, 0, 3 * MiB);
    guest_ram_add_block(&ram, GiB, 3 * MiB, ram.size - 3 * MiB);
    g_assert_cmpuint(ram.n_blocks, ==, 2);
    g_assert_true(guest_ram_ptr(&ram, GiB, 2 * MiB) == ram.host + 3 * MiB);
    memset(ram.host, 1, ram.size);
    guest_ram_finish(&ram);
    g_assert_null(ram.host);
}

/* The first has a page more than it gives the guest, the third wants to begin
 * at a boundary: each begins where KVM can map huge pages, and a block of its
 * own. */
static void test_pieces_that_cannot_adjoin(void)
{
    GuestRam ram = { 0 };

    add(&ram, 2 * MiB + 4096, BIG, 0);
    add(&ram, 2 * MiB, 4096, 0);
    add(&ram, 2 * MiB, 4096, 4 * MiB);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    g_assert_cmpuint(ram.pieces[0].mapped, ==, 2 * MiB + BIG);
    g_assert_cmpuint(ram.pieces[1].offset, ==, 2 * MiB + 4096);
    g_assert_cmpuint((uintptr_t)ram.pieces[1].host % (2 * MiB), ==, 4096);
    g_assert_cmpuint((uintptr_t)ram.pieces[2].host % (4 * MiB), ==, 0);
    guest_ram_add_block(&ram, 0, 0, ram.size);
    g_assert_cmpuint(ram.n_blocks, ==, 3);
    g_assert_true(guest_ram_ptr(&ram, 2 * MiB + 4096, 1) == ram.pieces[1].host);
    g_assert_null(guest_ram_ptr(&ram, 2 * MiB + 4095, 2));
    for (unsigned i = 0; i < 3; i++) {
        memset(ram.pieces[i].host, 1, ram.pieces[i].size);
    }
    guest_ram_finish(&ram);
}

static void check_discard(bool shared)
{
    RamPiece p = {
        .fd = shared ? ram_memfd_new(4 * BIG, 0, true) : -1,
        .size = 4 * BIG,
        .page = BIG,
        .shared = shared,
    };
    GuestRam ram = { 0 };
    uint8_t *host;

    guest_ram_add_piece(&ram, &p);
    add(&ram, 4 * BIG, 4096, 0);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    host = ram.host;
    memset(host, 1, 8 * BIG);

    /* Less than a page of the first piece, though there are some of the
     * host's. */
    guest_ram_discard(&ram, host + 4096, BIG);
    g_assert_cmpint(host[4096], ==, 1);
    g_assert_cmpint(host[BIG + 4095], ==, 1);
    /* A page of it, and over the boundary a page of the second piece. */
    guest_ram_discard(&ram, host + 3 * BIG - 1, BIG + 4097);
    g_assert_cmpint(host[3 * BIG - 1], ==, 1);
    g_assert_cmpint(host[3 * BIG], ==, 0);
    g_assert_cmpint(host[4 * BIG - 1], ==, 0);
    g_assert_cmpint(host[4 * BIG + 4095], ==, 0);
    g_assert_cmpint(host[4 * BIG + 4096], ==, 1);
    guest_ram_finish(&ram);
}

static void test_discard_by_page_size(void)
{
    check_discard(false);
    check_discard(true);
}

/* A hole in a file on a disk may wait for it. */
static void test_discard_keeps_a_file_on_disk(void)
{
    RamPiece p = { .fd = ram_memfd_new(BIG, 0, true),
                   .size = BIG,
                   .page = 4096,
                   .shared = true,
                   .on_disk = true };
    GuestRam ram = { 0 };

    guest_ram_add_piece(&ram, &p);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    memset(ram.host, 1, BIG);
    guest_ram_discard(&ram, ram.host, BIG);
    g_assert_cmpint(ram.host[0], ==, 1);
    guest_ram_finish(&ram);
}

static unsigned pages_in_ram(const RamPiece *p)
{
    g_autofree unsigned char *in = g_malloc0(p->mapped / 4096);
    unsigned n = 0;

    g_assert_cmpint(mincore(p->host, p->mapped, in), ==, 0);
    for (uint64_t i = 0; i < p->mapped / 4096; i++) {
        n += in[i] & 1;
    }
    return n;
}

/* Fewer and more threads than there are pages for. */
static void test_populate(void)
{
    static const unsigned threads[] = { 1, 2, 3, 7, 256 };

    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        GuestRam ram = { 0 };

        add(&ram, MiB + 4096, BIG, 0);
        g_assert_cmpint(guest_ram_map(&ram), ==, 0);
        g_assert_cmpuint(pages_in_ram(&ram.pieces[0]), ==, 0);
        g_assert_cmpint(ram_piece_populate(&ram.pieces[0], threads[i]), ==, 0);
        g_assert_cmpuint(pages_in_ram(&ram.pieces[0]), ==, (MiB + BIG) / 4096);
        guest_ram_finish(&ram);
    }
}

/* The last of three threads finds no memory behind the end of the file. */
static void test_populate_fails(void)
{
    RamPiece p = { .fd = ram_memfd_new(2 * BIG, 0, true),
                   .size = 3 * BIG,
                   .page = 4096,
                   .shared = true };
    GuestRam ram = { 0 };

    guest_ram_add_piece(&ram, &p);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    g_assert_cmpint(ram_piece_populate(&ram.pieces[0], 3), ==, -EFAULT);
    g_assert_cmpint(ram_piece_populate(&ram.pieces[0], 1), ==, -EFAULT);
    guest_ram_finish(&ram);
}

/* The program blocks these and reads them later. */
static void test_populate_is_interrupted(void)
{
    GuestRam ram = { 0 };
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    g_assert_cmpint(pthread_sigmask(SIG_BLOCK, &set, NULL), ==, 0);
    add(&ram, MiB, 4096, 0);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    g_assert_cmpint(kill(getpid(), SIGTERM), ==, 0);
    g_assert_cmpint(ram_piece_populate(&ram.pieces[0], 2), ==, 0);
    g_assert_cmpuint(pages_in_ram(&ram.pieces[0]), ==, 0);
    g_assert_cmpint(sigwait(&set, &sig), ==, 0);
    g_assert_cmpint(ram_piece_populate(&ram.pieces[0], 2), ==, 0);
    g_assert_cmpuint(pages_in_ram(&ram.pieces[0]), ==, MiB / 4096);
    guest_ram_finish(&ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram/pieces-adjoin", test_pieces_adjoin);
    g_test_add_func("/ram/pieces-that-cannot-adjoin",
                    test_pieces_that_cannot_adjoin);
    g_test_add_func("/ram/discard/by-page-size", test_discard_by_page_size);
    g_test_add_func("/ram/discard/keeps-a-file-on-disk",
                    test_discard_keeps_a_file_on_disk);
    g_test_add_func("/ram/populate", test_populate);
    g_test_add_func("/ram/populate-fails", test_populate_fails);
    g_test_add_func("/ram/populate-is-interrupted",
                    test_populate_is_interrupted);
    return g_test_run();
}
