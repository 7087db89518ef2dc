# SPDX-License-Identifier: GPL-2.0-or-later
# about: -fw_cfg and -smbios as Linux shows them, of a kernel that is started directly, also after a reboot
# lane: b
# limit: 240

guest_is_told() {
    check "it reads a text of -fw_cfg" guest_do vm 30 fw_cfg opt/lab/text
    check "it reads a file of several pages" guest_do vm 60 fw_cfg opt/lab/file
    for field in sys_vendor product_name product_serial product_uuid chassis_asset_tag; do
        check "it reads $field" guest_do vm 30 dmi "$field"
    done
    check "the text is right" guest_says vm "^GUEST-FW-CFG opt/lab/text $(printf 'hello, guest' | md5sum)"
    check "the file is right" guest_says vm "^GUEST-FW-CFG opt/lab/file $(md5sum < "$RUN/file")"
    check "-smbios: vendor" guest_says vm '^GUEST-DMI sys_vendor Lab, Inc.'
    check "-smbios: serial number" guest_says vm '^GUEST-DMI product_serial 4711'
    check "-uuid" guest_says vm '^GUEST-DMI product_uuid 00112233-4455-6677-8899-aabbccddeeff'
    check "-smbios: asset tag" guest_says vm '^GUEST-DMI chassis_asset_tag rack-7'
}

scenario() {
    target_make
    seq 2000 > "$RUN/file"
    vmm_start vm 1 1 '' disk,serve -fw_cfg name=opt/lab/text,string=hello,,\ guest \
        -fw_cfg "opt/lab/file,file=$RUN/file" \
        -smbios type=1,manufacturer=Lab,,\ Inc.,serial=4711 -smbios type=3,asset=rack-7 \
        -uuid 00112233-4455-6677-8899-aabbccddeeff
    check "guest is up" guest_wait vm 90 GUEST-READY
    guest_is_told
    guest_send vm reboot
    check "guest is up again" guest_wait vm 90 GUEST-READY 2
    check "the text is there after a reboot" guest_do vm 30 fw_cfg opt/lab/text
    check "and the same" equal "$(guest_count vm "^GUEST-FW-CFG opt/lab/text $(printf 'hello, guest' | md5sum)")" 2
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
