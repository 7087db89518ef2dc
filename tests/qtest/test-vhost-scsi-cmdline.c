/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The properties of vhost-scsi-pci: what each is accepted as and what the guest
 * and the kernel see of it, what is refused and by which sentence
 * (docs/system/devices/vhost-scsi.rst has them all).
 */
#include "fake-machine.h"

#include <sys/resource.h>

#define OTHER_WWPN  "naa.5001405bd1f60001"
#define OTHER       " -device vhost-scsi-pci,wwpn=" OTHER_WWPN
#define TWO_TARGETS "target=" FAKE_VHOST_WWPN ",target=" OTHER_WWPN
#define DEVICE      "-device vhost-scsi-pci,wwpn=" FAKE_VHOST_WWPN
#define WWPN_LENGTH 223 /* the longest name */

/* --- what there is to see --- */

static unsigned count_vectors(QPCIDevice *pci)
{
    unsigned cap = qpci_find_capability(pci, PCI_CAP_ID_MSIX, 0);

    return cap ? (qpci_config_readw(pci, cap + PCI_MSIX_FLAGS) &
                  PCI_MSIX_FLAGS_QSIZE) +
                     1u
               : 0;
}

/* The adapter in the words of the tables below. */
static char *describe(FakeMachine *m, QVirtioSCSI *scsi)
{
    const struct virtio_scsi_config *c = &scsi->config;
    QVirtioPCI *regs = &scsi->dev.regs;
    g_autoptr(GPtrArray) workers = fake_workers(m->fake);

    return g_strdup_printf(
        " devfn=%02x header=%02x vectors=%u multiplier=%u queues=%u size=%u "
        "features=0x%" PRIx64 " workers=%u num_queues=%u seg_max=%u "
        "max_sectors=%u cmd_per_lun=%u event_info_size=%u sense_size=%u "
        "cdb_size=%u max_channel=%u max_target=%u max_lun=%u ",
        scsi->pci->devfn, qpci_config_readb(scsi->pci, PCI_HEADER_TYPE),
        count_vectors(scsi->pci), regs->notify_multiplier,
        qvirtio_pci_num_queues(regs), qvirtio_pci_queue_size(regs, 0),
        qvirtio_pci_device_features(regs), workers->len, c->num_queues,
        c->seg_max, c->max_sectors, c->cmd_per_lun, c->event_info_size,
        c->sense_size, c->cdb_size, c->max_channel, c->max_target, c->max_lun);
}

static void assert_words(const char *description, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);

    for (unsigned i = 0; list[i]; i++) {
        g_autofree char *word = g_strdup_printf(" %s ", list[i]);

        if (!strstr(description, word)) {
            g_test_message("no '%s' in%s", list[i], description);
            g_test_fail();
        }
    }
}

/* The driver of the only adapter. */
static QVirtioSCSI *find_driver(FakeMachine *m)
{
    QPCIDevice *pci = qvirtio_pci_find(&m->bus, VIRTIO_ID_SCSI);
    unsigned slot = pci->devfn >> 3;

    g_assert_cmpuint(pci->devfn & 7, ==, 0);
    qpci_device_free(pci);
    return fake_driver_new(m, slot);
}

/* --- accepted --- */

typedef struct AcceptCase {
    const char *options; /* behind wwpn= */
    const char *knobs;
    QVirtioMode mode;
    const char *words;
    const char *says; /* behind "warning: vhost-scsi-pci: "; NULL: nothing */
} AcceptCase;

#define DROPS                                                                  \
    " lets the guest send requests that the kernel drops, since it maps 2048 " \
    "pages of one: with 126 segments give 14368 at most\n"

static const AcceptCase accept_cases[] = {
    { "", NULL, QVIRTIO_MSIX,
      "num_queues=1 queues=3 vectors=4 size=128 multiplier=4 "
      "features=0x130000000 workers=1 seg_max=126 max_sectors=14368 "
      "cmd_per_lun=128 event_info_size=16 sense_size=96 cdb_size=32 "
      "max_channel=0 max_target=255 max_lun=16383 header=00" },
    { ",num_queues=1", NULL, QVIRTIO_MSIX, "num_queues=1 queues=3" },
    { ",num_queues=0x3", NULL, QVIRTIO_MSIX, "num_queues=3 vectors=6" },
    { ",num_queues=010", NULL, QVIRTIO_MSIX, "num_queues=8 vectors=11" },
    { ",num_queues=128", NULL, QVIRTIO_POLL, "num_queues=128 vectors=131" },
    { ",num_queues=4", "max_io_vqs=4", QVIRTIO_MSIX, "num_queues=4" },
    { " -smp 3", NULL, QVIRTIO_MSIX, "num_queues=3 queues=5" },
    { ",num_queues=auto -smp 8", "max_io_vqs=4", QVIRTIO_MSIX, "num_queues=4" },
    { ",virtqueue_size=4", NULL, QVIRTIO_MSIX,
      "size=4 seg_max=2 max_sectors=16352" },
    { ",virtqueue_size=256", NULL, QVIRTIO_MSIX,
      "size=256 seg_max=254 max_sectors=12320" },
    { ",virtqueue_size=1024", NULL, QVIRTIO_MSIX,
      "size=1024 seg_max=512 max_sectors=8192" },
    { ",virtqueue_size=256,seg_max_adjust=off,max_sectors=auto", NULL,
      QVIRTIO_MSIX, "size=256 seg_max=126 max_sectors=14368" },
    { ",max_sectors=0", NULL, QVIRTIO_MSIX, "max_sectors=0",
      "max_sectors=0" DROPS },
    { ",max_sectors=1", NULL, QVIRTIO_MSIX, "max_sectors=1" },
    { ",max_sectors=14368", NULL, QVIRTIO_MSIX, "max_sectors=14368" },
    { ",max_sectors=14369", NULL, QVIRTIO_MSIX, "max_sectors=14369",
      "max_sectors=14369" DROPS },
    { ",max_sectors=65535", NULL, QVIRTIO_MSIX, "max_sectors=65535",
      "max_sectors=65535" DROPS },
    { ",max_sectors=4294967294", NULL, QVIRTIO_MSIX, "max_sectors=4294967294",
      "max_sectors=4294967294" DROPS },
    { ",cmd_per_lun=0", NULL, QVIRTIO_MSIX, "cmd_per_lun=0" },
    { ",cmd_per_lun=4294967295", NULL, QVIRTIO_MSIX, "cmd_per_lun=4294967295" },
    { ",disable-legacy=on,disable-modern=off", NULL, QVIRTIO_MSIX,
      "workers=1" },
    { ",disable-legacy=auto,disable-modern=false", NULL, QVIRTIO_MSIX,
      "workers=1" },
    { ",romfile=,rombar=0", NULL, QVIRTIO_MSIX, "workers=1" },
    { ",romfile=,rombar=1", NULL, QVIRTIO_MSIX, "workers=1" },
    { ",vectors=0", NULL, QVIRTIO_INTX, "vectors=0" },
    { ",vectors=1", NULL, QVIRTIO_POLL, "vectors=1" },
    { ",vectors=4", NULL, QVIRTIO_MSIX, "vectors=4" },
    { ",vectors=2048", NULL, QVIRTIO_POLL, "vectors=2048" },
    { ",page-per-vq=on", NULL, QVIRTIO_MSIX, "multiplier=4096" },
    { ",modern-pio-notify=on", NULL, QVIRTIO_MSIX, "multiplier=2" },
    { ",modern-pio-notify=on,num_queues=126", NULL, QVIRTIO_POLL,
      "multiplier=2 queues=128" },
    { ",addr=3", NULL, QVIRTIO_MSIX, "devfn=18" },
    { ",addr=0x1e", NULL, QVIRTIO_MSIX, "devfn=f0" },
    { ",addr=05.0", NULL, QVIRTIO_MSIX, "devfn=28" },
    { ",addr=1e,bus=pcie.0", NULL, QVIRTIO_MSIX, "devfn=f0" },
    { ",addr=3,multifunction=on", NULL, QVIRTIO_MSIX, "devfn=18 header=80" },
    { ",hotplug=on", NULL, QVIRTIO_MSIX, "features=0x130000002" },
    { ",t10_pi=on", NULL, QVIRTIO_MSIX, "features=0x130000008" },
    { ",hotplug=on,t10_pi=on", NULL, QVIRTIO_MSIX, "features=0x13000000a" },
    { ",indirect_desc=off", NULL, QVIRTIO_MSIX, "features=0x120000000" },
    { ",event_idx=off", NULL, QVIRTIO_MSIX, "features=0x110000000" },
    { ",indirect_desc=off,event_idx=off", NULL, QVIRTIO_MSIX,
      "features=0x100000000" },
    { "", "features=0x100000000", QVIRTIO_MSIX, "features=0x100000000" },
    { ",notify_on_empty=off,any_layout=off", NULL, QVIRTIO_MSIX,
      "features=0x130000000" },
    { ",boot_tpgt=1", NULL, QVIRTIO_MSIX, "num_queues=1" },
    { ",bootindex=0,boot_tpgt=255,boot_lun=16383", NULL, QVIRTIO_MSIX,
      "num_queues=1" },
    { ",bootindex=-1,boot_tpgt=auto", NULL, QVIRTIO_MSIX, "num_queues=1" },
    { ",num_queues=2,worker_per_virtqueue=on", NULL, QVIRTIO_MSIX,
      "workers=2" },
    { ",num_queues=2,worker_per_virtqueue=yes", NULL, QVIRTIO_MSIX,
      "workers=2" },
    { ",num_queues=2,worker_per_virtqueue=true", NULL, QVIRTIO_MSIX,
      "workers=2" },
    { ",num_queues=2,worker_per_virtqueue=y", NULL, QVIRTIO_MSIX, "workers=2" },
    { ",num_queues=2,worker_per_virtqueue=off", NULL, QVIRTIO_MSIX,
      "workers=1" },
    { ",num_queues=2,worker_per_virtqueue=no", NULL, QVIRTIO_MSIX,
      "workers=1" },
    { ",num_queues=2,worker_per_virtqueue=false", NULL, QVIRTIO_MSIX,
      "workers=1" },
    { ",num_queues=2,worker_per_virtqueue=n", NULL, QVIRTIO_MSIX, "workers=1" },
};

static void test_accepted_has_effect_and_works(gconstpointer data)
{
    const AcceptCase *c = data;
    g_autofree char *args = g_strconcat(DEVICE, c->options, NULL);
    g_autofree char *said = c->says
                                ? g_strconcat("qemu-system-x86_64: warning: "
                                              "vhost-scsi-pci: ",
                                              c->says, NULL)
                                : g_strdup("");
    g_autofree char *seen = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, c->knobs, args);
    scsi = find_driver(&m);
    seen = describe(&m, scsi);
    assert_words(seen, c->words);
    g_assert_true(fake_driver_start(scsi, c->mode));
    fake_driver_check_io(scsi);
    g_assert_cmpstr(qtest_stderr(m.qts), ==, said);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* A function behind the first of its slot, both adapters with targets of their
 * own. */
static void test_second_function_both_are_there(void)
{
    FakeMachine m;

    fake_machine_start(&m, "target=" FAKE_VHOST_WWPN ",target=fc.other",
                       DEVICE ",addr=3,multifunction=on "
                              "-device vhost-scsi-pci,addr=3.7,wwpn=fc.other");
    for (unsigned fn = 0; fn < 8; fn++) {
        uint32_t id = qpci_read_config(&m.bus, QPCI_DEVFN(3, fn), 0, 4);

        g_assert_cmphex(id, ==, fn == 0 || fn == 7 ? 0x10481af4 : UINT32_MAX);
    }
    fake_machine_stop(&m);
}

/* --- names of targets --- */

static void test_wwpn_forms_are_accepted(void)
{
    g_autofree char *filler = g_strnfill(WWPN_LENGTH - strlen("iqn."), 'a');
    g_autofree char *longest = g_strconcat("iqn.", filler, NULL);
    const char *const names[] = {
        "naa.0123456789abcdef",
        "naa.0123456789ABCDEF",
        "fc.x",
        "iqn.x",
        longest,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *knobs = g_strconcat("target=", names[i], NULL);
        g_autofree char *args = g_strconcat(
            "-device vhost-scsi-pci,wwpn=", names[i], NULL);
        FakeMachine m;
        QVirtioSCSI *scsi;

        fake_machine_start(&m, knobs, args);
        scsi = find_driver(&m);
        g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
        fake_driver_check_io(scsi);
        fake_driver_free(scsi);
        fake_machine_stop(&m);
    }
}

static void assert_refused(const char *knobs, const char *args,
                           const char *message)
{
    g_autofree char *line = g_strconcat("qemu-system-x86_64: ", message, "\n",
                                        NULL);
    QTestExit *e = fake_machine_refused(knobs, args, NULL);

    g_assert_cmpint(e->status, ==, 1);
    g_assert_cmpstr(e->stderr, ==, line);
    qtest_exit_free(e);
}

static void test_wwpn_too_long_is_refused(void)
{
    g_autofree char *filler = g_strnfill(WWPN_LENGTH + 1 - strlen("iqn."), 'a');
    g_autofree char *args = g_strconcat("-device vhost-scsi-pci,wwpn=iqn.",
                                        filler, NULL);
    g_autofree char *message = g_strdup_printf(
        "-device: vhost-scsi: property 'wwpn' cannot be 'iqn.%s': naa. and 16 "
        "hex digits are expected, or an fc. or iqn. name of LIO",
        filler);

    assert_refused(NULL, args, message);
}

/* --- refused --- */

typedef struct RefuseCase {
    const char *args;
    const char *knobs;
    const char *message; /* behind "qemu-system-x86_64: " */
} RefuseCase;

#define BAD_WWPN(name)                                      \
    "-device: vhost-scsi: property 'wwpn' cannot be '" name \
    "': naa. and 16 hex digits are expected, or an fc. or iqn. name of LIO"
#define BAD(name, value, expected)                                   \
    "-device: vhost-scsi-pci: property '" name "' cannot be '" value \
    "': " expected
#define BAD_SIZE(value)                                                \
    "-device: vhost-scsi: property 'virtqueue_size' cannot be '" value \
    "': a power of two from 4 to 1024 is expected"
#define NOT_OFFERED(name)                                           \
    "-device: vhost-scsi: property '" name "' cannot be 'on': the " \
    "kernel's vhost-scsi does not offer it"
#define QUEUES_RANGE "a number from 1 to 1024 or 'auto' is expected"
#define ADDR_FORM    "SLOT[.FUNCTION] in hex, at most 1f.7, is expected"
#define ON_OFF       "'on' or 'off' is expected"

static const RefuseCase refuse_cases[] = {
    { "-device vhost-scsi-pci", NULL,
      "-device: vhost-scsi-pci: property 'wwpn' is required: give wwpn=... "
      "(name of the LIO vhost target, naa.<16 hex digits>)" },
    { "-device vhost-scsi-pci,wwpn=", NULL, BAD_WWPN("") },
    { "-device vhost-scsi-pci,wwpn=naa.0123456789abcde", NULL,
      BAD_WWPN("naa.0123456789abcde") },
    { "-device vhost-scsi-pci,wwpn=naa.0123456789abcdefa", NULL,
      BAD_WWPN("naa.0123456789abcdefa") },
    { "-device vhost-scsi-pci,wwpn=naa.0123456789abcdeg", NULL,
      BAD_WWPN("naa.0123456789abcdeg") },
    { "-device vhost-scsi-pci,wwpn=fc.", NULL, BAD_WWPN("fc.") },
    { "-device vhost-scsi-pci,wwpn=iqn.a/b", NULL, BAD_WWPN("iqn.a/b") },
    { "-device vhost-scsi-pci,wwpn=eui.0123", NULL, BAD_WWPN("eui.0123") },
    { DEVICE ",num_queues=0", NULL, BAD("num_queues", "0", QUEUES_RANGE) },
    { DEVICE ",num_queues=1025", NULL,
      BAD("num_queues", "1025", QUEUES_RANGE) },
    { DEVICE ",num_queues=4294967296", NULL,
      BAD("num_queues", "4294967296", QUEUES_RANGE) },
    { DEVICE ",num_queues=x", NULL,
      BAD("num_queues", "x", "a number or 'auto' is expected") },
    { DEVICE ",num_queues=-1", NULL,
      BAD("num_queues", "-1", "a number or 'auto' is expected") },
    { DEVICE ",num_queues=5", "max_io_vqs=4",
      "-device: vhost-scsi: num_queues=5 is above the kernel's limit of 4 "
      "request queues: lower it, or load vhost_scsi with max_io_vqs=5" },
    { DEVICE ",num_queues=129,id=disks", NULL,
      "-device disks: vhost-scsi: num_queues=129 is above the kernel's limit "
      "of 128 request queues: lower it, or load vhost_scsi with "
      "max_io_vqs=129" },
    { DEVICE ",virtqueue_size=0", NULL, BAD_SIZE("0") },
    { DEVICE ",virtqueue_size=2", NULL, BAD_SIZE("2") },
    { DEVICE ",virtqueue_size=5", NULL, BAD_SIZE("5") },
    { DEVICE ",virtqueue_size=1023", NULL, BAD_SIZE("1023") },
    { DEVICE ",virtqueue_size=2048", NULL, BAD_SIZE("2048") },
    { DEVICE ",vectors=2049", NULL,
      BAD("vectors", "2049", "at most 2048 MSI-X vectors are expected") },
    { DEVICE ",modern-pio-notify=on,num_queues=127", NULL,
      BAD("modern-pio-notify", "on",
          "at most 128 virtqueues have ports, here are 129; give fewer "
          "queues") },
    { DEVICE ",modern-pio-notify=on,page-per-vq=on", NULL,
      BAD("modern-pio-notify", "on",
          "page-per-vq is 'on', and ports have no pages") },
    { DEVICE ",disable-legacy=off", NULL,
      BAD("disable-legacy", "off",
          "the device is that of virtio 1.0, neither legacy nor transitional; "
          "leave it out") },
    { DEVICE ",disable-modern=on", NULL,
      BAD("disable-modern", "on",
          "the device is that of virtio 1.0, neither legacy nor transitional; "
          "leave it out") },
    { DEVICE ",disable-legacy=maybe", NULL,
      BAD("disable-legacy", "maybe", "'auto' or 'on' or 'off' is expected") },
    { DEVICE ",romfile=pxe.rom", NULL,
      BAD("romfile", "pxe.rom",
          "no device has an expansion ROM here; leave it out") },
    { DEVICE ",rombar=2", NULL,
      BAD("rombar", "2", "a number from 0 to 1 is expected") },
    { DEVICE ",vectors=x", NULL,
      BAD("vectors", "x", "a number or 'auto' is expected") },
    { DEVICE ",max_sectors=-1", NULL,
      BAD("max_sectors", "-1", "a number or 'auto' is expected") },
    { DEVICE ",cmd_per_lun=4294967296", NULL,
      BAD("cmd_per_lun", "4294967296",
          "a number from 0 to 4294967295 is expected") },
    { DEVICE ",boot_tpgt=x", NULL,
      BAD("boot_tpgt", "x", "a number or 'auto' is expected") },
    { DEVICE ",boot_tpgt=256", NULL,
      BAD("boot_tpgt", "256", "a number from 0 to 255 or 'auto' is expected") },
    { DEVICE ",boot_lun=16384", NULL,
      BAD("boot_lun", "16384", "a number from 0 to 16383 is expected") },
    { DEVICE ",bootindex=-2", NULL,
      BAD("bootindex", "-2", "a number is expected") },
    { DEVICE ",bootindex=3,id=one " DEVICE
             ",wwpn=naa.5001405000000009,bootindex=3",
      NULL,
      "-device: The bootindex 3 has already been used by device 'one': choose "
      "another" },
    { DEVICE ",hotplug=maybe", NULL, BAD("hotplug", "maybe", ON_OFF) },
    { DEVICE ",worker_per_virtqueue=", NULL,
      BAD("worker_per_virtqueue", "", ON_OFF) },
    { DEVICE ",t10_pi=on", "features=0x130000002", NOT_OFFERED("t10_pi") },
    { DEVICE ",hotplug=on", "features=0x130000008", NOT_OFFERED("hotplug") },
    { DEVICE, "features=0x30000000",
      "-device: vhost-scsi: the kernel's vhost-scsi does not offer virtio "
      "1.0: use a newer kernel" },
    { DEVICE ",addr=20", NULL, BAD("addr", "20", ADDR_FORM) },
    { DEVICE ",addr=3.8", NULL, BAD("addr", "3.8", ADDR_FORM) },
    { DEVICE ",addr=x", NULL, BAD("addr", "x", ADDR_FORM) },
    { DEVICE ",addr=0", NULL,
      "-device: vhost-scsi-pci: PCI address 00.0 on bus 'pcie.0' is taken by "
      "'mch'; give another addr=" },
    { DEVICE ",addr=1f", NULL,
      "-device: vhost-scsi-pci: PCI address 1f.0 on bus 'pcie.0' is taken by "
      "'ICH9-LPC'; give another addr=" },
    { DEVICE ",addr=3,id=a" OTHER ",addr=3", TWO_TARGETS,
      "-device: vhost-scsi-pci: PCI address 03.0 on bus 'pcie.0' is taken by "
      "'a'; give another addr=" },
    { DEVICE ",addr=3" OTHER ",addr=3.1", TWO_TARGETS,
      "-device: vhost-scsi-pci: slot 03 has a single function: give its "
      "device 'vhost-scsi-pci' multifunction=on" },
    { DEVICE ",bus=pcie.1", NULL, "-device: Bus 'pcie.1' not found" },
    { DEVICE ",num_queue=1", NULL,
      "-device: Property 'vhost-scsi-pci.num_queue' not found; did you mean "
      "'num_queues'?" },
    { DEVICE ",iommu_platform=on", NULL,
      "-device: Property 'vhost-scsi-pci.iommu_platform' not found" },
    { DEVICE ",vhostfd=name", NULL,
      "-device: vhost-scsi: property 'vhostfd': no file descriptor is called "
      "'name': pass one with getfd, or give the number of an inherited one" },
    { DEVICE ",vhostfd=2147483648", NULL,
      "-device: vhost-scsi: property 'vhostfd' cannot be '2147483648': the "
      "number of an inherited file descriptor is expected" },
    { DEVICE ",vhostfd=1000", NULL,
      "-device: vhost-scsi: property 'vhostfd': descriptor 1000 is not open: "
      "Bad file descriptor" },
    { DEVICE ",id=a" OTHER ",id=a", TWO_TARGETS,
      "-device a: Duplicate device ID 'a'" },
};

static void test_refused_says_why(gconstpointer data)
{
    const RefuseCase *c = data;

    assert_refused(c->knobs, c->args, c->message);
}

/* The limit of open files is the test's own, which the program inherits. */
static void test_too_few_files_is_refused(void)
{
    struct rlimit before, low;

    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    low = before;
    low.rlim_cur = 256;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
    assert_refused(NULL, DEVICE ",num_queues=128",
                   "-device: vhost-scsi-pci: cannot open the 261 eventfds of "
                   "130 queues; raise the limit of open files (ulimit -n): Too "
                   "many open files");
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
}

/* --- JSON --- */

typedef struct JsonCase {
    const char *name;
    const char *keyval;
    const char *json;
} JsonCase;

#define JSON(more)                                                        \
    "-device '{\"driver\":\"vhost-scsi-pci\",\"wwpn\":\"" FAKE_VHOST_WWPN \
    "\"" more "}'"

static const JsonCase json_cases[] = {
    { "defaults", DEVICE, JSON("") },
    { "typed",
      DEVICE ",num_queues=3,virtqueue_size=64,worker_per_virtqueue=on,"
             "hotplug=on,seg_max_adjust=off,max_sectors=1024,cmd_per_lun=8,"
             "vectors=6,addr=4,event_idx=off,id=disks",
      JSON(",\"num_queues\":3,\"virtqueue_size\":64,"
           "\"worker_per_virtqueue\":true,\"hotplug\":true,"
           "\"seg_max_adjust\":false,\"max_sectors\":1024,\"cmd_per_lun\":8,"
           "\"vectors\":6,\"addr\":\"4\",\"event_idx\":false,"
           "\"id\":\"disks\"") },
    { "strings", DEVICE ",num_queues=2,worker_per_virtqueue=on,addr=5",
      JSON(",\"num_queues\":\"2\",\"worker_per_virtqueue\":\"on\","
           "\"addr\":40") },
};

/* All that the guest sees and all that the kernel is told, without addresses of
 * the process. */
static char *whole_device(const char *args)
{
    g_autoptr(GRegex) addresses = g_regex_new("=0x[0-9a-f]{9,}", 0, 0, NULL);
    g_autofree char *seen = NULL, *calls = NULL, *plain = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, NULL, args);
    scsi = find_driver(&m);
    seen = describe(&m, scsi);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_stop(scsi);
    calls = fake_machine_calls(&m, 1);
    plain = g_regex_replace_literal(addresses, calls, -1, 0, "=0x...", 0, NULL);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
    return g_strconcat(seen, "\n", plain, NULL);
}

static void test_json_gives_the_same_device(gconstpointer data)
{
    const JsonCase *c = data;
    g_autofree char *keyval = whole_device(c->keyval);
    g_autofree char *json = whole_device(c->json);

    g_assert_cmpstr(json, ==, keyval);
}

static void add_cases(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(accept_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdline/accepted/%u", i);

        g_test_add_data_func(path, &accept_cases[i],
                             test_accepted_has_effect_and_works);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(refuse_cases); i++) {
        g_autofree char *path = g_strdup_printf("/cmdline/refused/%u", i);

        g_test_add_data_func(path, &refuse_cases[i], test_refused_says_why);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(json_cases); i++) {
        g_autofree char *path = g_strconcat("/cmdline/json/",
                                            json_cases[i].name, NULL);

        g_test_add_data_func(path, &json_cases[i],
                             test_json_gives_the_same_device);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/cmdline/functions", test_second_function_both_are_there);
    g_test_add_func("/cmdline/wwpn/forms", test_wwpn_forms_are_accepted);
    g_test_add_func("/cmdline/wwpn/too-long", test_wwpn_too_long_is_refused);
    g_test_add_func("/cmdline/files", test_too_few_files_is_refused);
    return g_test_run();
}
