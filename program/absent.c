/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU has and this program has not, and what people who ask for it can
 * write instead. One sentence each, which goes on after a colon. */
#include "program/registry.h"

typedef struct Absent {
    /* Types of devices and character devices, "-" before an option; "*" and
     * "?" as in a shell; one blank between two. */
    const char *names;
    const char *instead;
} Absent;

/* Of two rows that match the first counts. */
static const Absent absent[] = {
    { "virtio-blk* virtio-scsi* vhost-user-blk* vhost-user-scsi* nvme* ahci "
      "ich9-ahci ide-* piix?-ide* scsi-hd scsi-cd scsi-disk scsi-block "
      "scsi-generic lsi* megasas* mptsas* pvscsi am53c974 dc390 sdhci-pci "
      "sd-card usb-storage usb-bot usb-uas isa-fdc floppy -hda -hdb -hdc -hdd "
      "-cdrom -fda -fdb -sd -mtdblock -drive -blockdev",
      "a disk, and the image of a CD, is a LUN of the host's target, give "
      "-device vhost-scsi-pci,wwpn=... (virt-install: --import --disk none, "
      "and the target as a hostdev by --xml)" },
    { "VGA qxl* *-vga *-vga-* virtio-gpu* vhost-user-gpu* *-display ramfb "
      "spicevmc spiceport vc qemu-vdagent -vga -display -vnc -spice -sdl -gtk "
      "-curses -full-screen -alt-grab -ctrl-grab -no-quit -g -k",
      "there is no screen, and the guest's console is its serial port, leave "
      "it out or give -display none (virt-install: --graphics none)" },
    { "AC97 ES1370 ac97 adlib cs4231a gus hda-* ich9-intel-hda intel-hda sb16 "
      "usb-audio virtio-snd* virtio-sound* -audio -audiodev -soundhw",
      "there is no sound, leave it out (virt-install: --sound none)" },
    { "usb-tablet usb-mouse usb-kbd usb-wacom-tablet virtio-tablet* "
      "virtio-mouse* virtio-keyboard* virtio-multitouch* virtio-input* "
      "vhost-user-input* i8042 vmmouse",
      "there is no screen, and the guest's keyboard is its serial port, leave "
      "it out (virt-install: --graphics none)" },
    { "usb-* u2f-* nec-usb-xhci *-usb-ehci* *-usb-uhci* usb-ehci pci-ohci "
      "ccid-card-* -usb -usbdevice",
      "there are no USB devices and no controller but qemu-xhci, leave it out "
      "(in a domain's XML <controller type='usb' model='qemu-xhci'/> or "
      "model='none')" },
    { "e1000* i825* igb ne2k* pcnet rocker rtl8139 tulip vmxnet3 -net",
      "the network is a virtio-net-pci on a tap of the host, give -nic tap "
      "(virt-install: --network bridge=NAME,model=virtio)" },
    { "tpm-* -tpmdev", "there is no TPM, leave it out (virt-install: --tpm "
                       "none)" },
    { "i6300esb ib700 -watchdog",
      "there is no watchdog, leave it out (virt-install: --watchdog none)" },
    { "virtio-9p* vhost-user-fs* -fsdev -virtfs",
      "no directory of the host can be shared, give files to the guest by the "
      "network or by vsock (virt-install: no --filesystem)" },
    { "vfio-* -pcidevice",
      "devices of the host are not passed on, leave it out (virt-install: no "
      "--hostdev of a PCI device)" },
    { "ioh3420 i82801b11-bridge pci-bridge pcie-pci-bridge pxb* x3130-* "
      "xio3130-*",
      "the bridges are root ports, give -device pcie-root-port" },
    { "*-pci-transitional",
      "virtio devices are modern ones, leave -transitional out" },
};

static bool matches(const char *names, const char *name)
{
    g_auto(GStrv) patterns = g_strsplit(names, " ", -1);

    for (unsigned i = 0; patterns[i]; i++) {
        if (g_pattern_match_simple(patterns[i], name)) {
            return true;
        }
    }
    return false;
}

const char *absent_instead(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(absent); i++) {
        if (matches(absent[i].names, name)) {
            return absent[i].instead;
        }
    }
    return NULL;
}
