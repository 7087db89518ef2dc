/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's commands over QMP replies that stand here. */
#include "test-hmp.h"

/* @line prints nothing and calls @calls. */
static void check_calls(const char *line, const char *calls)
{
    static const Answer empty[] = {
        { "stop", NULL, "{}" },
        { "cont", NULL, "{}" },
        { "quit", NULL, "{}" },
        { "system_reset", NULL, "{}" },
        { "system_powerdown", NULL, "{}" },
        { "device_add", NULL, "{}" },
        { "device_del", NULL, "{}" },
        { "trace-event-set-state", NULL, "{}" },
        { 0 },
    };
    g_autofree char *called = NULL;
    g_autofree char *text = run(empty, line, &called);

    g_assert_cmpstr(text, ==, "");
    g_assert_cmpstr(called, ==, calls);
}

/* --- Lines --- */

static void commands_call_qmp(void)
{
    check_calls("stop", "stop\n");
    check_calls("s", "stop\n");
    check_calls("cont", "cont\n");
    check_calls("  c  ", "cont\n");
    check_calls("\tquit", "quit\n");
    check_calls("q", "quit\n");
    check_calls("system_reset", "system_reset\n");
    check_calls("system_powerdown", "system_powerdown\n");
    check_calls("device_del vs0", "device_del {\"id\":\"vs0\"}\n");
    check_calls("device_del \"a b\\\"c\"",
                "device_del {\"id\":\"a b\\\"c\"}\n");
    check_calls("trace-event vhost_* on",
                "trace-event-set-state {\"name\":\"vhost_*\",\"enable\":true}"
                "\n");
    check_calls("trace-event x off",
                "trace-event-set-state {\"name\":\"x\",\"enable\":false}\n");
    check_calls("", "");
    check_calls("   ", "");
}

static void device_add_takes_the_rest_of_the_line(void)
{
    check_calls("device_add vhost-scsi-pci,id=a,num_queues=2",
                "device_add {\"driver\":\"vhost-scsi-pci\",\"id\":\"a\","
                "\"num_queues\":\"2\"}\n");
    check_calls("device_add x,id=a b ",
                "device_add {\"driver\":\"x\",\"id\":\"a b\"}\n");
    check_calls("device_add \"x,id=a b\"",
                "device_add {\"driver\":\"x\",\"id\":\"a b\"}\n");
    check_calls("device_add {\"driver\": \"x\", \"num_queues\": 2}",
                "device_add {\"driver\":\"x\",\"num_queues\":2}\n");
}

static void errors_of_qmp_are_printed(void)
{
    g_autofree char *text = NULL;
    static const Answer refuse[] = {
        { "device_del", NULL, "!Device 'x' not found" },
        { "device_add", NULL, "!'x' is not a valid device model name" },
        { "query-status", NULL, "!no" },
        { 0 },
    };

    check(refuse, "device_del x", "Error: Device 'x' not found\n");
    check(refuse, "device_add x",
          "Error: 'x' is not a valid device model name\n");
    check(refuse, "info status", "Error: no\n");
    text = run(refuse, "device_add {x", NULL);
    g_assert_true(g_str_has_prefix(text, "Error: invalid JSON"));
}

static void unknown_commands_are_refused(void)
{
    check(no_answers, "frobnicate x", "unknown command: 'frobnicate'\n");
    check(no_answers, "stpo",
          "unknown command: 'stpo'; did you mean 'stop'?\n");
    check(no_answers, "info frobnicate",
          "unknown command: 'info frobnicate'\n");
    check(no_answers, "info statsu",
          "unknown command: 'info statsu'; did you mean 'stats'?\n");
    check(no_answers, "\"", "unknown command: '\"'\n");
    check(no_answers, "|", "unknown command: '|'\n");
    check(no_answers, "stop|s",
          "unknown command: 'stop|s'; did you mean 'stop'?\n");
}

static void wrong_words_are_refused(void)
{
    check(no_answers, "device_del",
          "device_del: string expected\n"
          "Try \"help device_del\" for more information\n");
    check(no_answers, "device_add",
          "device_add: string expected\n"
          "Try \"help device_add\" for more information\n");
    check(no_answers, "device_del a b",
          "device_del: extraneous characters at the end of line\n"
          "Try \"help device_del\" for more information\n");
    check(no_answers, "stop x",
          "stop|s: extraneous characters at the end of line\n"
          "Try \"help stop\" for more information\n");
    check(no_answers, "info status x",
          "status: extraneous characters at the end of line\n"
          "Try \"help info status\" for more information\n");
    check(no_answers, "device_del \"a",
          "device_del: unbalanced quotes or too many words\n"
          "Try \"help device_del\" for more information\n");
    check(no_answers, "trace-event x maybe",
          "Expected 'on' or 'off'\n"
          "Try \"help trace-event\" for more information\n");
    check(no_answers, "trace-event x",
          "Expected 'on' or 'off'\n"
          "Try \"help trace-event\" for more information\n");
    check(no_answers, "info stats",
          "stats: string expected\n"
          "Try \"help info stats\" for more information\n");
}

static void too_many_words_are_refused(void)
{
    GString *line = g_string_new("info stats");
    g_autofree char *text = NULL;

    for (int i = 0; i < 65; i++) {
        g_string_append(line, " x");
    }
    text = run(no_answers, line->str, NULL);
    g_assert_nonnull(strstr(text, "too many words"));
    g_string_free(line, TRUE);
}

static void help_lists_and_explains(void)
{
    g_autofree char *all = run(no_answers, "help", NULL);
    g_autofree char *info = run(no_answers, "info", NULL);
    g_autofree char *mark = run(no_answers, "?", NULL);

    g_assert_nonnull(strstr(all, "cont|c  -- resume emulation\n"));
    g_assert_nonnull(strstr(all, "device_del device -- remove device\n"));
    g_assert_nonnull(strstr(all, "help|? [cmd] -- show the help\n"));
    g_assert_nonnull(strstr(info, "info status  -- show the current VM status "
                                  "(running|paused)\n"));
    g_assert_cmpstr(mark, ==, all);
    check(no_answers, "help info", info);
    check(no_answers, "help s", "stop|s  -- stop emulation\n");
    check(no_answers, "help info name",
          "info name  -- show the current VM name\n");
    check(no_answers, "help nothing", "unknown command: 'nothing'\n");
    check(no_answers, "help info nothing", "unknown command: 'info nothing'\n");
}

static void blocking_commands_are_told(void)
{
    g_assert_true(hmp_blocks("stop"));
    g_assert_true(hmp_blocks(" c"));
    g_assert_true(hmp_blocks("device_add x,id=y"));
    g_assert_true(hmp_blocks("device_del x"));
    g_assert_true(hmp_blocks("system_reset"));
    g_assert_false(hmp_blocks("system_powerdown"));
    g_assert_false(hmp_blocks("quit"));
    g_assert_false(hmp_blocks("info status"));
    g_assert_false(hmp_blocks("help stop"));
    g_assert_false(hmp_blocks("stopp"));
    g_assert_false(hmp_blocks(""));
    g_assert_false(hmp_blocks("info stop"));
}

/* --- info --- */

static void check_info(const char *item, const char *command, const char *reply,
                       const char *expected)
{
    const Answer answers[] = { { command, NULL, reply }, { 0 } };
    g_autofree char *line = g_strconcat("info ", item, NULL);

    check(answers, line, expected);
}

static void status_is_told(void)
{
    check_info("status", "query-status",
               "{'status':'running','singlestep':false,'running':true}",
               "VM status: running\n");
    check_info("status", "query-status",
               "{'status':'paused','singlestep':false,'running':false}",
               "VM status: paused\n");
    check_info("status", "query-status",
               "{'status':'prelaunch','singlestep':false,'running':false}",
               "VM status: paused (prelaunch)\n");
    check_info("status", "query-status",
               "{'status':'running','singlestep':true,'running':true}",
               "VM status: running (single step mode)\n");
}

static void names_and_numbers_are_told(void)
{
    check_info("version", "query-version",
               "{'qemu':{'micro':22,'minor':2,'major':7},'package':' (x)'}",
               "7.2.22 (x)\n");
    check_info("name", "query-name", "{'name':'foo'}", "foo\n");
    check_info("name", "query-name", "{}", "");
    check_info("uuid", "query-uuid",
               "{'UUID':'f9ee285e-0000-0000-0000-000000000001'}",
               "f9ee285e-0000-0000-0000-000000000001\n");
    check_info("kvm", "query-kvm", "{'enabled':true,'present':true}",
               "kvm support: enabled\n");
    check_info("kvm", "query-kvm", "{'enabled':false,'present':true}",
               "kvm support: disabled\n");
    check_info("kvm", "query-kvm", "{'enabled':false,'present':false}",
               "kvm support: not available\n");
    check_info("cpus", "query-cpus-fast",
               "[{'thread-id':9250,'cpu-index':0,'target':'x86_64'},"
               "{'thread-id':9251,'cpu-index':1,'target':'x86_64'}]",
               "* CPU #0: thread_id=9250\n  CPU #1: thread_id=9251\n");
    check_info("chardev", "query-chardev",
               "[{'frontend-open':true,'filename':'stdio','label':"
               "'compat_monitor0'},{'frontend-open':true,'filename':'null',"
               "'label':'serial0'}]",
               "compat_monitor0: filename=stdio\nserial0: filename=null\n");
    check_info("memory_size_summary", "query-memory-size-summary",
               "{'base-memory':134217728,'plugged-memory':0}",
               "base memory: 134217728\nplugged memory: 0\n");
    check_info("memory_size_summary", "query-memory-size-summary",
               "{'base-memory':134217728}", "base memory: 134217728\n");
    check_info("virtio", "x-query-virtio",
               "[{'name':'virtio-scsi',"
               "'path':'/machine/peripheral/vs0/virtio-backend'}]",
               "/machine/peripheral/vs0/virtio-backend [virtio-scsi]\n");
    check_info("virtio", "x-query-virtio", "[]", "No VirtIO devices\n");
    check_info("trace-events", "trace-event-get-state",
               "[{'name':'a','state':'enabled','vcpu':false},"
               "{'name':'b','state':'disabled','vcpu':false}]",
               "a : state 1\nb : state 0\n");
}

static void trace_events_take_a_pattern(void)
{
    g_autofree char *calls = NULL;
    g_autofree char *text = run(no_answers, "info trace-events vhost_*",
                                &calls);

    g_assert_cmpstr(calls, ==,
                    "trace-event-get-state {\"name\":\"vhost_*\"}\n");
    g_assert_true(g_str_has_prefix(text, "Error: "));
}

static void history_is_told(void)
{
    g_autoptr(GPtrArray) history = g_ptr_array_new();
    HmpContext ctx = { .call = fake_call, .history = history };
    g_autoptr(GString) out = g_string_new(NULL);

    g_ptr_array_add(history, (char *)"info status");
    g_ptr_array_add(history, (char *)"info history");
    hmp_run(&ctx, "info history", out);
    g_assert_cmpstr(out->str, ==, "0: 'info status'\n1: 'info history'\n");
    ctx.history = NULL;
    g_string_truncate(out, 0);
    hmp_run(&ctx, "info history", out);
    g_assert_cmpstr(out->str, ==, "");
}

/* Reply and text are what QEMU 7.2 gives for one machine. */
static void pci_devices_are_told(void)
{
    check_info(
        "pci", "query-pci",
        "[{'bus':0,'devices':["
        "{'irq_pin':0,'bus':0,'qdev_id':'','slot':0,'class_info':"
        "{'class':1536,'desc':'Host bridge'},'id':{'device':10688,"
        "'subsystem-vendor':6900,'vendor':32902,'subsystem':4352},"
        "'function':0,'regions':[]},"
        "{'irq_pin':1,'bus':0,'qdev_id':'vs0','irq':10,'slot':1,"
        "'class_info':{'class':256,'desc':'SCSI controller'},'id':"
        "{'device':4100,'subsystem-vendor':6900,'vendor':6900,"
        "'subsystem':8},'function':0,'regions':[{'bar':0,'size':64,"
        "'address':49152,'type':'io'},{'prefetch':false,'mem_type_64':"
        "false,'bar':1,'size':4096,'address':4267704320,'type':'memory'},"
        "{'prefetch':true,'mem_type_64':true,'bar':4,'size':16384,"
        "'address':4271898624,'type':'memory'}]},"
        "{'irq_pin':1,'bus':0,'pci_bridge':{'bus':{'prefetchable_range':"
        "{'limit':4271898623,'base':4269801472},'memory_range':{'limit':"
        "4267704319,'base':4265607168},'secondary':1,'io_range':{'limit':"
        "49151,'base':49152},'number':0,'subordinate':1},'devices':["
        "{'irq_pin':1,'bus':1,'qdev_id':'','irq':11,'slot':0,'class_info':"
        "{'class':255},'id':{'device':4164,'subsystem-vendor':6900,"
        "'vendor':6900,'subsystem':4352},'function':0,'regions':["
        "{'prefetch':false,'mem_type_64':false,'bar':1,'size':4096,"
        "'address':-1,'type':'memory'}]}]},'qdev_id':'rp0','irq':11,"
        "'slot':2,'class_info':{'class':1540,'desc':'PCI bridge'},'id':"
        "{'device':12,'vendor':6966},'function':0,'regions':[]}]}]",
        "  Bus  0, device   0, function 0:\n"
        "    Host bridge: PCI device 8086:29c0\n"
        "      PCI subsystem 1af4:1100\n"
        "      id \"\"\n"
        "  Bus  0, device   1, function 0:\n"
        "    SCSI controller: PCI device 1af4:1004\n"
        "      PCI subsystem 1af4:0008\n"
        "      IRQ 10, pin A\n"
        "      BAR0: I/O at 0xc000 [0xc03f].\n"
        "      BAR1: 32 bit memory at 0xfe600000 [0xfe600fff].\n"
        "      BAR4: 64 bit prefetchable memory at 0xfea00000 [0xfea03fff].\n"
        "      id \"vs0\"\n"
        "  Bus  0, device   2, function 0:\n"
        "    PCI bridge: PCI device 1b36:000c\n"
        "      IRQ 11, pin A\n"
        "      BUS 0.\n"
        "      secondary bus 1.\n"
        "      subordinate bus 1.\n"
        "      IO range [0xc000, 0xbfff]\n"
        "      memory range [0xfe400000, 0xfe5fffff]\n"
        "      prefetchable memory range [0xfe800000, 0xfe9fffff]\n"
        "      id \"rp0\"\n"
        "  Bus  1, device   0, function 0:\n"
        "    Class 0255: PCI device 1af4:1044\n"
        "      PCI subsystem 1af4:1100\n"
        "      IRQ 11, pin A\n"
        "      BAR1: 32 bit memory at 0xffffffffffffffff "
        "[0x00000ffe].\n"
        "      id \"\"\n");
}

static void virtio_status_is_told(void)
{
    check_info("virtio-status /p", "x-query-virtio-status",
               "{'name':'vhost-scsi','device-id':8,'vhost-started':true,"
               "'device-endian':'little','num-vqs':3,'status':{'statuses':"
               "['VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready']},"
               "'guest-features':{'transports':[],'dev-features':[]},"
               "'host-features':{'transports':['VIRTIO_F_VERSION_1: v1'],"
               "'dev-features':['VIRTIO_SCSI_F_HOTPLUG: hot-plug'],"
               "'unknown-dev-features':1099511627776},'vhost-dev':{'nvqs':3,"
               "'log-enabled':false,'acked-features':{'transports':"
               "['VIRTIO_F_VERSION_1: v1']}}}",
               "/p:\n"
               "  device_name:             vhost-scsi\n"
               "  device_id:               8\n"
               "  vhost_started:           true\n"
               "  num_vqs:                 3\n"
               "  endianness:              little\n"
               "  status:\n"
               "\tVIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready\n"
               "  Guest features:\n"
               "  Host features:\n"
               "\tVIRTIO_F_VERSION_1: v1\n"
               "\tVIRTIO_SCSI_F_HOTPLUG: hot-plug\n"
               "\tunknown-dev-features: 0x0000010000000000\n"
               "  VHost:\n"
               "  nvqs:                    3\n"
               "  log_enabled:             false\n"
               "  Acked features:\n"
               "\tVIRTIO_F_VERSION_1: v1\n");
}

/* --- info stats --- */

#define SCHEMAS                                                            \
    "[{'provider':'kvm','target':'vcpu','stats':["                         \
    "{'name':'exits','type':'cumulative','exponent':0},"                   \
    "{'name':'blocking','type':'instant','unit':'boolean','exponent':0},"  \
    "{'name':'wait','type':'log2-histogram','unit':'seconds','base':10,"   \
    "'exponent':-9},"                                                      \
    "{'name':'sizes','type':'linear-histogram','unit':'bytes','base':2,"   \
    "'exponent':10,'bucket-size':4},"                                      \
    "{'name':'odd','type':'peak','unit':'cycles','base':10,'exponent':-5}" \
    "]},{'provider':'kvm','target':'vm','stats':["                         \
    "{'name':'pages','type':'instant','exponent':0}]}]"
#define VALUES                                                        \
    "'stats':[{'name':'exits','value':7},{'name':'blocking','value':" \
    "true},{'name':'wait','value':[1,2]},{'name':'sizes','value':"    \
    "[3,4]},{'name':'odd','value':5}]"
#define VALUES_TEXT                                    \
    "    exits (cumulative): 7\n"                      \
    "    blocking (instant, boolean): yes\n"           \
    "    wait (log2-histogram, ns): [1]=1 [2]=2\n"     \
    "    sizes (linear-histogram, KiB): [0]=3 [4]=4\n" \
    "    odd (peak, 10^-5 cycles): 5\n"

static void statistics_are_told(void)
{
    static const Answer answers[] = {
        { "query-stats-schemas", NULL, SCHEMAS },
        { "query-stats", "{'target':'vm'}",
          "[{'provider':'kvm','stats':[{'name':'pages','value':3}]}]" },
        { "query-stats", "{'target':'vcpu'}",
          "[{'provider':'kvm','qom-path':'/c0'," VALUES "},"
          "{'provider':'kvm','qom-path':'/c1'," VALUES "}]" },
        { "query-stats",
          "{'target':'vcpu','providers':[{'provider':'kvm','names':"
          "['exits','no']}]}",
          "[{'provider':'kvm','qom-path':'/c0','stats':["
          "{'name':'exits','value':7}]}]" },
        { "query-stats", "{'target':'vm','providers':[{'provider':'kvm'}]}",
          "[{'provider':'kvm','stats':[{'name':'new','value':3}]}]" },
        { 0 },
    };

    check(answers, "info stats vm", "provider: kvm\n    pages (instant): 3\n");
    check(answers, "info stats vcpu",
          "provider: kvm\nvcpu: /c0\n" VALUES_TEXT
          "provider: kvm\nvcpu: /c1\n" VALUES_TEXT);
    check(answers, "info stats vcpu exits,no kvm",
          "    exits (cumulative): 7\n");
    check(answers, "info stats vcpu exits,no",
          "provider: kvm\n    exits (cumulative): 7\n");
    check(answers, "info stats vm * kvm", "    new: 3\n");
    check(answers, "info stats x", "invalid stats target x\n");
    check(answers, "info stats vm * x", "invalid stats provider x\n");
}

/* --- device_add help --- */

static void device_add_helps(void)
{
    static const Answer answers[] = {
        { "qom-list-types", "{'implements':'device','abstract':false}",
          "[{'name':'isa-serial','parent':'isa-device'},"
          "{'name':'vhost-scsi-pci'}]" },
        { "device-list-properties", "{'typename':'isa-serial'}",
          "[{'name':'index','type':'uint32','description':'which port',"
          "'default-value':0},{'name':'chardev','type':'str'}]" },
        { "device-list-properties", NULL, "!Device 'x' not found" },
        { 0 },
    };

    check(answers, "device_add help",
          "name \"isa-serial\"\nname \"vhost-scsi-pci\"\n");
    check(answers, "device_add ?",
          "name \"isa-serial\"\nname \"vhost-scsi-pci\"\n");
    check(answers, "device_add isa-serial,help",
          "isa-serial options:\n"
          "  index=<uint32>                 - which port (default: 0)\n"
          "  chardev=<str>                  - \n");
    check(answers, "device_add x,help", "Error: Device 'x' not found\n");
}

/* --- Completion --- */

static void check_complete(const char *line, const char *expected)
{
    static const Answer answers[] = {
        { "qom-list", "{'path':'/machine/peripheral'}",
          "[{'name':'type','type':'string'},"
          "{'name':'vs0','type':'child<vhost-scsi-pci>'},"
          "{'name':'serial0','type':'child<isa-serial>'}]" },
        { "qom-list-types", "{'implements':'device','abstract':false}",
          "[{'name':'isa-serial'},{'name':'vhost-scsi-pci'}]" },
        { "device-list-properties", "{'typename':'vhost-scsi-pci'}",
          "[{'name':'wwpn','type':'str'},{'name':'worker_per_virtqueue',"
          "'type':'bool'},{'name':'vectors','type':'uint32'}]" },
        { "trace-event-get-state", "{'name':'*'}",
          "[{'name':'vhost_new_worker'},{'name':'virtio_reset'}]" },
        { "x-query-virtio", NULL, "[{'path':'/machine/a','name':'v'}]" },
        { 0 },
    };
    Fake f = { answers, g_string_new(NULL) };
    HmpContext ctx = { .call = fake_call, .opaque = &f };
    g_auto(GStrv) words = hmp_complete(&ctx, line);
    g_autofree char *joined = g_strjoinv(" ", words);

    g_assert_cmpstr(joined, ==, expected);
    g_string_free(f.calls, TRUE);
}

static void words_are_completed(void)
{
    check_complete("st", "stop");
    check_complete("s", "set_link stop s system_powerdown system_reset");
    check_complete("  sys", "system_powerdown system_reset");
    check_complete("info st", "stats status");
    check_complete("help st", "stop");
    check_complete("? info st", "stats status");
    check_complete("help stop st", "");
    check_complete("device_del ", "vs0 serial0");
    check_complete("device_del v", "vs0");
    check_complete("device_del vs0 v", "");
    check_complete("device_add ", "isa-serial vhost-scsi-pci");
    check_complete("device_add vh", "vhost-scsi-pci");
    check_complete("device_add vhost-scsi-pci,w",
                   "vhost-scsi-pci,wwpn= vhost-scsi-pci,worker_per_virtqueue=");
    check_complete("device_add vhost-scsi-pci,wwpn=x,v",
                   "vhost-scsi-pci,wwpn=x,vectors=");
    check_complete("device_add vhost-scsi-pci,wwpn=x", "");
    check_complete("device_add nothing,w", "");
    check_complete("trace-event v", "vhost_new_worker virtio_reset");
    check_complete("trace-event virtio_reset o", "on off");
    check_complete("trace-event virtio_reset on o", "");
    check_complete("info trace-events vi", "virtio_reset");
    check_complete("info stats v", "vcpu vhost-worker vm");
    check_complete("info stats vm v", "");
    check_complete("info virtio-status ", "/machine/a");
    check_complete("info status ", "");
    check_complete("info nothing ", "");
    check_complete("nothing ", "");
    check_complete("stop ", "");
}

/* --- Odd replies --- */

/* Whatever comes, a command ends and leaves nothing behind (a sanitizer
 * tells). */
static void odd_replies_are_fine(void)
{
    static const char *const replies[] = {
        "{}",
        "[]",
        "[{}]",
        "1",
        "true",
        "'x'",
        "[1,'x',[],null]",
        "[[[]]]",
        "[{'devices':[{'regions':[{}],'pci_bridge':{'devices':{}},'irq':0,"
        "'id':1,'class_info':[],'irq_pin':200}]}]",
        "[{'devices':[{'pci_bridge':{'bus':{'io_range':1},'devices':[{}]}}]}]",
        "[{'name':1,'type':2,'stats':3,'state':4,'path':5}]",
        "[{'name':'x','type':'child<>'}]",
        "[{'name':'','type':'child<x>'},{'name':'y','type':'child<'}]",
        "[{'provider':'kvm','stats':[{},{'name':'x'},{'name':'x','value':{}},"
        "{'name':'x','value':[null,{}]}]}]",
        "{'status':1,'qemu':[],'name':{},'UUID':null,'vhost-dev':1,"
        "'host-features':{'transports':1,'unknown-dev-features':'x'}}",
        "{'status':{'statuses':[1,null]},'vhost-dev':{'features':[]}}",
    };
    static const char *const commands[] = {
        "query-status",
        "query-version",
        "query-name",
        "query-uuid",
        "query-kvm",
        "query-cpus-fast",
        "query-chardev",
        "query-memory-size-summary",
        "trace-event-get-state",
        "query-pci",
        "x-query-virtio",
        "x-query-virtio-status",
        "query-stats",
        "query-stats-schemas",
        "qom-list",
        "qom-get",
        "qom-list-types",
        "device-list-properties",
        "stop",
    };
    static const char *const lines[] = {
        "info status",
        "info version",
        "info name",
        "info uuid",
        "info kvm",
        "info cpus",
        "info chardev",
        "info memory_size_summary",
        "info trace-events",
        "info pci",
        "info virtio",
        "info virtio-status /x",
        "info stats vm",
        "info stats vcpu * kvm",
        "info qom-tree",
        "info qtree",
        "device_add help",
        "device_add x,help",
        "stop",
    };
    static const char *const completions[] = {
        "device_add x", "device_add x,",       "device_del ",
        "trace-event ", "info virtio-status ",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
        Answer answers[G_N_ELEMENTS(commands) + 1] = { 0 };
        Fake f = { answers, g_string_new(NULL) };
        HmpContext ctx = { .call = fake_call, .opaque = &f };

        for (size_t n = 0; n < G_N_ELEMENTS(commands); n++) {
            answers[n] = (Answer){ commands[n], NULL, replies[i] };
        }
        for (size_t n = 0; n < G_N_ELEMENTS(lines); n++) {
            g_autofree char *text = run(answers, lines[n], NULL);

            g_assert_null(strstr(text, "(null)"));
        }
        for (size_t n = 0; n < G_N_ELEMENTS(completions); n++) {
            g_strfreev(hmp_complete(&ctx, completions[n]));
        }
        g_string_free(f.calls, TRUE);
    }
}

static void missing_keys_leave_gaps(void)
{
    check_info("status", "query-status", "{}", "VM status: paused\n");
    check_info("version", "query-version", "{'qemu':{'major':9}}", "9.0.0\n");
    check_info("cpus", "query-cpus-fast", "[{}]", "* CPU #0: thread_id=0\n");
    check_info("pci", "query-pci", "[{'devices':[{}]}]",
               "  Bus  0, device   0, function 0:\n"
               "    Class 0000: PCI device 0000:0000\n"
               "      id \"\"\n");
    check_info("virtio-status /x", "x-query-virtio-status", "{}", "/x:\n");
}

#define TEST(_name) g_test_add_func("/hmp/" #_name, _name)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(commands_call_qmp);
    TEST(device_add_takes_the_rest_of_the_line);
    TEST(errors_of_qmp_are_printed);
    TEST(unknown_commands_are_refused);
    TEST(wrong_words_are_refused);
    TEST(too_many_words_are_refused);
    TEST(help_lists_and_explains);
    TEST(blocking_commands_are_told);
    TEST(status_is_told);
    TEST(names_and_numbers_are_told);
    TEST(trace_events_take_a_pattern);
    TEST(history_is_told);
    TEST(pci_devices_are_told);
    TEST(virtio_status_is_told);
    TEST(statistics_are_told);
    TEST(device_add_helps);
    TEST(words_are_completed);
    TEST(odd_replies_are_fine);
    TEST(missing_keys_leave_gaps);
    return g_test_run();
}
