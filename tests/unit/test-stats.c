/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics: the parser of KVM's binary format on files made here, and the
 * QMP commands on an accelerator that counts what the test says. */
#include <linux/kvm.h>
#include <sys/mman.h>

#include "accel/kvm-stats.h"
#include "fake-accel.h"
#include "util/error.h"
#include "util/json.h"

/* --- The parser --- */

#define NAME_SIZE 16
#define DESCS     4
#define VALUES    8

/* struct kvm_stats_desc with a name that has a length. */
typedef struct Desc {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset;
    uint32_t bucket_size;
    char name[NAME_SIZE];
} Desc;

G_STATIC_ASSERT(offsetof(Desc, name) == sizeof(struct kvm_stats_desc));

/* A file as KVM has it. */
typedef struct Image {
    struct kvm_stats_header h;
    char id[8];
    Desc descs[DESCS];
    uint64_t data[VALUES];
} Image;

static const Image good = {
    .h = {
        .name_size = NAME_SIZE,
        .num_desc = DESCS,
        .id_offset = offsetof(Image, id),
        .desc_offset = offsetof(Image, descs),
        .data_offset = offsetof(Image, data),
    },
    .id = "kvm-1",
    .descs = {
        { .name = "exits", .size = 1, .offset = 8 },
        { .name = "blocking",
          .flags = KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_BOOLEAN,
          .size = 1, .offset = 0 },
        { .name = "wait",
          .flags = KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS |
                   KVM_STATS_BASE_POW10,
          .exponent = -9, .size = 3, .offset = 16 },
        { .name = "sizes",
          .flags = KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_BYTES |
                   KVM_STATS_BASE_POW2,
          .exponent = 10, .size = 2, .offset = 48, .bucket_size = 4 },
    },
    .data = { 1, 1234, 7, 8, 9, 0, UINT64_MAX, 5 },
};

/* A descriptor of a file with the first @len bytes of @image. */
static int file_of(const Image *image, size_t len)
{
    int fd = memfd_create("stats", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, image, len), ==, len);
    return fd;
}

static int parse(const Image *image, size_t len, KvmStatsFormat **ret_format)
{
    auto_fd fd = file_of(image, len);

    return kvm_stats_format_new(fd, ret_format);
}

static void format_is_read(void)
{
    KvmStatsFormat *f = NULL;
    const StatsDesc *d;

    g_assert_cmpint(parse(&good, sizeof(good), &f), ==, 0);
    g_assert_cmpuint(f->schema.n_descs, ==, DESCS);
    g_assert_cmpuint(f->schema.n_values, ==, 7);
    g_assert_cmpuint(f->data_size, ==, sizeof(good.data));
    d = f->schema.descs;
    g_assert_cmpstr(d[0].name, ==, "exits");
    g_assert_cmpint(d[0].type, ==, STATS_TYPE_CUMULATIVE);
    g_assert_cmpint(d[0].unit, ==, STATS_UNIT_NONE);
    g_assert_cmpint(d[1].type, ==, STATS_TYPE_INSTANT);
    g_assert_cmpint(d[1].unit, ==, STATS_UNIT_BOOLEAN);
    g_assert_cmpint(d[2].type, ==, STATS_TYPE_LOG2_HISTOGRAM);
    g_assert_cmpint(d[2].unit, ==, STATS_UNIT_SECONDS);
    g_assert_cmpuint(d[2].base, ==, 10);
    g_assert_cmpint(d[2].exponent, ==, -9);
    g_assert_cmpuint(d[2].first, ==, 2);
    g_assert_cmpuint(d[2].size, ==, 3);
    g_assert_cmpint(d[3].type, ==, STATS_TYPE_LINEAR_HISTOGRAM);
    g_assert_cmpuint(d[3].base, ==, 2);
    g_assert_cmpuint(d[3].bucket_size, ==, 4);
    kvm_stats_format_free(f);
}

static void values_are_read_in_the_order_of_the_schema(void)
{
    const uint64_t expected[] = { 1234, 1, 7, 8, 9, UINT64_MAX, 5 };
    uint64_t values[G_N_ELEMENTS(expected)];
    auto_fd fd = file_of(&good, sizeof(good));
    KvmStatsFormat *f = NULL;

    g_assert_cmpint(kvm_stats_format_new(fd, &f), ==, 0);
    g_assert_cmpint(kvm_stats_values_read(f, fd, values), ==, 0);
    g_assert_cmpmem(values, sizeof(values), expected, sizeof(expected));
    kvm_stats_format_free(f);
}

static void file_without_descriptors_is_empty(void)
{
    KvmStatsFormat *f = NULL;
    Image image = good;

    image.h.num_desc = 0;
    g_assert_cmpint(parse(&image, sizeof(image.h), &f), ==, 0);
    g_assert_cmpuint(f->schema.n_descs, ==, 0);
    g_assert_cmpint(kvm_stats_values_read(f, -1, NULL), ==, 0);
    kvm_stats_format_free(f);
}

static void unknown_kinds_are_left_out(void)
{
    static const uint32_t unknown[] = {
        5 << KVM_STATS_TYPE_SHIFT, 15 << KVM_STATS_TYPE_SHIFT,
        5 << KVM_STATS_UNIT_SHIFT, 15 << KVM_STATS_UNIT_SHIFT,
        2 << KVM_STATS_BASE_SHIFT, 15 << KVM_STATS_BASE_SHIFT,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(unknown); i++) {
        KvmStatsFormat *f = NULL;
        Image image = good;

        image.descs[1].flags = unknown[i];
        g_assert_cmpint(parse(&image, sizeof(image), &f), ==, 0);
        g_assert_cmpuint(f->schema.n_descs, ==, DESCS - 1);
        g_assert_cmpstr(f->schema.descs[1].name, ==, "wait");
        g_assert_cmpuint(f->schema.descs[1].first, ==, 1);
        kvm_stats_format_free(f);
    }
}

static void file_that_ends_early_is_refused(void)
{
    for (size_t len = 0; len < offsetof(Image, data); len++) {
        KvmStatsFormat *f = NULL;

        g_assert_cmpint(parse(&good, len, &f), ==, -EIO);
        g_assert_null(f);
    }
    for (size_t len = offsetof(Image, data); len < sizeof(good); len++) {
        auto_fd fd = file_of(&good, len);
        uint64_t values[VALUES];
        KvmStatsFormat *f = NULL;

        g_assert_cmpint(kvm_stats_format_new(fd, &f), ==, 0);
        g_assert_cmpint(kvm_stats_values_read(f, fd, values), ==, -EIO);
        kvm_stats_format_free(f);
    }
}

static void closed_file_answers_its_error(void)
{
    KvmStatsFormat *f = NULL;

    g_assert_cmpint(kvm_stats_format_new(-1, &f), ==, -EBADF);
}

/* What parse() answers for @image, all of it. */
static int answer(const Image *image)
{
    KvmStatsFormat *f = NULL;
    int r = parse(image, sizeof(*image), &f);

    kvm_stats_format_free(f);
    return r;
}

static void header_out_of_range_is_refused(void)
{
    Image image = good;

    image.h.name_size = 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.h.name_size = KVM_STATS_NAME_MAX + 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.h.name_size = UINT32_MAX;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image = good;
    image.h.num_desc = KVM_STATS_DESCS_MAX + 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.h.num_desc = UINT32_MAX;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.h.num_desc = KVM_STATS_DESCS_MAX; /* which the file has not */
    g_assert_cmpint(answer(&image), ==, -EIO);
    image = good;
    image.h.desc_offset = sizeof(image.h) - 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.h.desc_offset = UINT32_MAX;
    g_assert_cmpint(answer(&image), ==, -EIO);
    image = good;
    image.h.data_offset = sizeof(image.h) - 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
}

static void descriptor_out_of_range_is_refused(void)
{
    Image image = good;

    image.descs[3].size = 0;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.descs[3].size = KVM_STATS_VALUES_MAX;
    g_assert_cmpint(answer(&image), ==, 0);
    image.descs[3].size = KVM_STATS_VALUES_MAX + 1;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image = good;
    image.descs[3].offset = KVM_STATS_DATA_MAX - 16;
    g_assert_cmpint(answer(&image), ==, 0);
    image.descs[3].offset = KVM_STATS_DATA_MAX - 15;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.descs[3].offset = UINT32_MAX;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
}

static void name_without_end_or_text_is_refused(void)
{
    Image image = good;

    memset(image.descs[2].name, 'x', NAME_SIZE);
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.descs[2].name[NAME_SIZE - 1] = 0;
    g_assert_cmpint(answer(&image), ==, 0);
    image.descs[2].name[3] = (char)0xff;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
    image.descs[2].name[0] = 0;
    g_assert_cmpint(answer(&image), ==, -EPROTO);
}

/* --- QMP on an accelerator that counts --- */

static StatsDesc vm_descs[] = {
    { .name = (char *)"pages", .type = STATS_TYPE_INSTANT, .size = 1 },
    { .name = (char *)"peak",
      .type = STATS_TYPE_PEAK,
      .unit = STATS_UNIT_CYCLES,
      .first = 1,
      .size = 1 },
};
static StatsDesc vcpu_descs[] = {
    { .name = (char *)"exits", .size = 1 },
    { .name = (char *)"blocking",
      .type = STATS_TYPE_INSTANT,
      .unit = STATS_UNIT_BOOLEAN,
      .first = 1,
      .size = 1 },
    { .name = (char *)"wait",
      .type = STATS_TYPE_LOG2_HISTOGRAM,
      .unit = STATS_UNIT_SECONDS,
      .base = 10,
      .exponent = -9,
      .first = 2,
      .size = 2 },
    { .name = (char *)"sizes",
      .type = STATS_TYPE_LINEAR_HISTOGRAM,
      .unit = STATS_UNIT_BYTES,
      .base = 2,
      .exponent = 10,
      .bucket_size = 4,
      .first = 4,
      .size = 1 },
};
static const StatsSchema schemas[] = {
    [STATS_TARGET_VM] = { vm_descs, G_N_ELEMENTS(vm_descs), 2 },
    [STATS_TARGET_VCPU] = { vcpu_descs, G_N_ELEMENTS(vcpu_descs), 5 },
};

static int schema_result, read_result;

static int counting_schema(Accel *accel, StatsTarget target,
                           const StatsSchema **ret_schema)
{
    *ret_schema = &schemas[target];
    return schema_result;
}

static int counting_read(Accel *accel, const Cpu *cpu, uint64_t *values)
{
    for (unsigned i = 0; i < (cpu ? 5 : 2); i++) {
        values[i] = cpu ? 10 * (cpu->index + 1) + i : UINT64_MAX - i;
    }
    return read_result;
}

/* A machine whose vCPUs have no threads. */
static Machine *counting_machine_new(unsigned n_cpus)
{
    Machine *m = fake_machine_new();

    schema_result = read_result = 0;
    fake.ops.stats_schema = counting_schema;
    fake.ops.stats_read = counting_read;
    fake.ops.name = "kvm";
    m->config.n_cpus = n_cpus;
    m->cpus = g_new0(Cpu, n_cpus);
    for (unsigned i = 0; i < n_cpus; i++) {
        m->cpus[i].machine = m;
        m->cpus[i].index = i;
    }
    return m;
}

static void counting_machine_free(Machine *m)
{
    g_clear_pointer(&m->cpus, g_free);
    fake_machine_free(m);
}

typedef json_object *Command(Machine *m, json_object *args, GError **errp);

/* The reply to @command, or its error as a JSON string. */
static json_object *run(Machine *m, Command *command, const char *args)
{
    json_object *dict = args ? json_tokener_parse(args) : NULL;
    GError *error = NULL;
    json_object *reply = command(m, dict, &error);

    g_assert_true(!reply == !!error);
    if (error) {
        reply = json_object_new_string(error->message);
        g_error_free(error);
    }
    json_object_put(dict);
    return reply;
}

static void check(Machine *m, Command *command, const char *args,
                  const char *expected)
{
    json_object *reply = run(m, command, args);
    json_object *want = json_tokener_parse(expected);

    g_assert_nonnull(want);
    if (!json_object_equal(reply, want)) {
        g_assert_cmpstr(json_object_to_json_string(reply), ==,
                        json_object_to_json_string(want));
    }
    json_object_put(reply);
    json_object_put(want);
}

#define CPU0                                                              \
    "{'provider':'kvm','qom-path':'/machine/unattached/device[0]',"       \
    "'stats':[{'name':'exits','value':10},{'name':'blocking','value':"    \
    "true},{'name':'wait','value':[12,13]},{'name':'sizes','value':[14]}" \
    "]}"
#define CPU1                                                              \
    "{'provider':'kvm','qom-path':'/machine/unattached/device[1]',"       \
    "'stats':[{'name':'exits','value':20},{'name':'blocking','value':"    \
    "true},{'name':'wait','value':[22,23]},{'name':'sizes','value':[24]}" \
    "]}"
#define VM                                                \
    "{'provider':'kvm','stats':[{'name':'pages','value':" \
    "18446744073709551615},{'name':'peak','value':18446744073709551614}]}"

static const struct {
    const char *args, *reply;
} queries[] = {
    { "{'target':'vm'}", "[" VM "]" },
    { "{'target':'vcpu'}", "[" CPU0 "," CPU1 "]" },
    { "{'target':'vm','providers':[{'provider':'kvm'}]}", "[" VM "]" },
    { "{'target':'vm','providers':[]}", "[]" },
    { "{'target':'vm','providers':[{'provider':'kvm','names':[]}]}", "[]" },
    { "{'target':'vm','providers':[{'provider':'kvm','names':['no']}]}", "[]" },
    { "{'target':'vm','providers':[{'provider':'kvm','names':['peak']},"
      "{'provider':'kvm'}]}",
      "[{'provider':'kvm','stats':[{'name':'peak',"
      "'value':18446744073709551614}]}," VM "]" },
    { "{'target':'vcpu','vcpus':['/machine/unattached/device[1]']}",
      "[" CPU1 "]" },
    { "{'target':'vcpu','vcpus':['/machine/unattached/device[2]']}", "[]" },
    { "{'target':'vcpu','vcpus':[]}", "[]" },
    { "{'target':'vcpu','vcpus':['/machine/unattached/device[0]'],"
      "'providers':[{'provider':'kvm','names':['wait','no']}]}",
      "[{'provider':'kvm','qom-path':'/machine/unattached/device[0]',"
      "'stats':[{'name':'wait','value':[12,13]}]}]" },
    { "{}", "\"Parameter 'target' is missing\"" },
    { "{'target':'x'}", "\"Parameter 'target' does not accept value 'x'\"" },
    { "{'target':'vm','vcpus':[]}", "\"Parameter 'vcpus' is unexpected\"" },
    { "{'target':'vcpu','vcpus':1}",
      "\"Invalid parameter type for 'vcpus', expected: array\"" },
    { "{'target':'vm','providers':{}}",
      "\"Invalid parameter type for 'providers', expected: array\"" },
    { "{'target':'vm','providers':[{}]}",
      "\"Parameter 'provider' is missing\"" },
    { "{'target':'vm','providers':[{'provider':'x'}]}",
      "\"Parameter 'provider' does not accept value 'x'\"" },
    { "{'target':'vm','providers':[{'provider':'kvm','names':'a'}]}",
      "\"Invalid parameter type for 'names', expected: array\"" },
};

static void query_stats_answers_what_is_asked(void)
{
    Machine *m = counting_machine_new(2);

    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++) {
        check(m, qmp_query_stats, queries[i].args, queries[i].reply);
    }
    counting_machine_free(m);
}

#define SCHEMAS                                                           \
    "[{'provider':'kvm','target':'vm','stats':["                          \
    "{'name':'pages','type':'instant','exponent':0},"                     \
    "{'name':'peak','type':'peak','unit':'cycles','exponent':0}]},"       \
    "{'provider':'kvm','target':'vcpu','stats':["                         \
    "{'name':'exits','type':'cumulative','exponent':0},"                  \
    "{'name':'blocking','type':'instant','unit':'boolean','exponent':0}," \
    "{'name':'wait','type':'log2-histogram','unit':'seconds','base':10,"  \
    "'exponent':-9},"                                                     \
    "{'name':'sizes','type':'linear-histogram','unit':'bytes','base':2,"  \
    "'exponent':10,'bucket-size':4}]}]"

static void query_stats_schemas_describes_all(void)
{
    Machine *m = counting_machine_new(1);

    check(m, qmp_query_stats_schemas, NULL, SCHEMAS);
    check(m, qmp_query_stats_schemas, "{'provider':'kvm'}", SCHEMAS);
    check(m, qmp_query_stats_schemas, "{'provider':'x'}",
          "\"Parameter 'provider' does not accept value 'x'\"");
    counting_machine_free(m);
}

static void machine_without_vcpus_has_statistics_of_its_own(void)
{
    Machine *m = counting_machine_new(1);
    json_object *reply;

    g_clear_pointer(&m->cpus, g_free);
    check(m, qmp_query_stats, "{'target':'vcpu'}", "[]");
    check(m, qmp_query_stats, "{'target':'vm'}", "[" VM "]");
    reply = run(m, qmp_query_stats_schemas, NULL);
    g_assert_cmpuint(json_object_array_length(reply), ==, 1);
    json_object_put(reply);
    counting_machine_free(m);
}

static void errors_of_the_accelerator_are_told(void)
{
    Machine *m = counting_machine_new(1);

    read_result = -EIO;
    check(m, qmp_query_stats, "{'target':'vm'}",
          "'kvm: cannot read statistics: Input/output error'");
    check(m, qmp_query_stats, "{'target':'vcpu'}",
          "'kvm: cannot read statistics: Input/output error'");
    schema_result = -EMFILE;
    check(m, qmp_query_stats, "{'target':'vm'}",
          "'kvm: cannot read what statistics there are: Too many open "
          "files'");
    check(m, qmp_query_stats_schemas, NULL,
          "'kvm: cannot read what statistics there are: Too many open "
          "files'");
    counting_machine_free(m);
}

static void qtest_counts_nothing(void)
{
    Machine *m = fake_machine_new();

    m->config.n_cpus = 1;
    m->cpus = g_new0(Cpu, 1);
    check(m, qmp_query_stats, "{'target':'vm'}", "[]");
    check(m, qmp_query_stats, "{'target':'vcpu'}", "[]");
    check(m, qmp_query_stats_schemas, NULL, "[]");
    g_clear_pointer(&m->cpus, g_free);
    fake_machine_free(m);
}

static void query_kvm_of_another_accelerator_tells_the_host(void)
{
    bool present = access("/dev/kvm", R_OK | W_OK) == 0;
    Machine *m = fake_machine_new();

    check(m, qmp_query_kvm, NULL,
          present ? "{'enabled':false,'present':true}"
                  : "{'enabled':false,'present':false}");
    fake_machine_free(m);
}

#define TEST(_name) g_test_add_func("/stats/" #_name, _name)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(format_is_read);
    TEST(values_are_read_in_the_order_of_the_schema);
    TEST(file_without_descriptors_is_empty);
    TEST(unknown_kinds_are_left_out);
    TEST(file_that_ends_early_is_refused);
    TEST(closed_file_answers_its_error);
    TEST(header_out_of_range_is_refused);
    TEST(descriptor_out_of_range_is_refused);
    TEST(name_without_end_or_text_is_refused);
    TEST(query_stats_answers_what_is_asked);
    TEST(query_stats_schemas_describes_all);
    TEST(machine_without_vcpus_has_statistics_of_its_own);
    TEST(errors_of_the_accelerator_are_told);
    TEST(qtest_counts_nothing);
    TEST(query_kvm_of_another_accelerator_tells_the_host);
    return g_test_run();
}
