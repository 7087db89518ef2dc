# SPDX-License-Identifier: GPL-2.0-or-later
# A bridge of L1 ("needs: net") for the guests' taps. For busybox ash, beside lib.sh.

HOST=10.9.0.1
PORT=7000

# The bridge br0, on which the kernel of L1 has the address $HOST and gives back what is sent to $PORT.
bridge_make() {
    brctl addbr br0
    ifconfig br0 $HOST netmask 255.255.255.0 up
    labnet echo $PORT > "$RUN/echo.txt" 2>&1 &
    echo $! >> "$RUN/pids"
}

bridge_remove() {
    ifconfig br0 down
    brctl delbr br0
}

# One address is given there: 10.9.0.50.
dhcp_start() {
    touch "$RUN/leases"
    printf 'start %s\nend %s\ninterface br0\nlease_file %s\npidfile %s\n' 10.9.0.50 10.9.0.50 "$RUN/leases" \
        "$RUN/udhcpd" > "$RUN/udhcpd.conf"
    udhcpd -f "$RUN/udhcpd.conf" > "$RUN/udhcpd.txt" 2>&1 &
    echo $! >> "$RUN/pids"
}
