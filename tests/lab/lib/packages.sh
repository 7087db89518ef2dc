# SPDX-License-Identifier: GPL-2.0-or-later
# Debian kernels in a cache outside the tree. apt checks every download against the signed package index;
# nothing is installed. Sourced by run, demo and measure.

# The versioned package behind a meta package, e.g. linux-image-6.12.117+deb12-cloud-amd64.
kernel_package() {
    apt-cache depends "$1" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

apt_update() {
    local root=()

    [ "$(id -u)" = 0 ] || root=(sudo -n)
    say "updating apt's package index"
    "${root[@]}" apt-get -qq update >&2
}

# Downloads into the current directory; a file that is there and has the right checksum is kept.
apt_download() {
    apt-get -qq -o APT::Sandbox::User=root download "$1" >&2 ||
        { apt_update && apt-get -qq -o APT::Sandbox::User=root download "$1" >&2; }
}

# Unpacks the one package in directory $1 to $2, in one step as seen from outside: a run that was interrupted
# leaves no half-filled kernel behind.
unpack_kernel() {
    local deb version tmp=$2.tmp.$$

    deb=$(echo "$1"/*.deb)
    rm -rf "$tmp"
    mkdir -p "$tmp"
    dpkg-deb -x "$deb" "$tmp"
    version=$(basename "$tmp"/lib/modules/*)
    # The package leaves modules.dep to its installation script; modprobe needs it for the load order.
    /sbin/depmod -b "$tmp" "$version"
    mv "$tmp/boot/vmlinuz-$version" "$tmp/vmlinuz"
    echo "$version" > "$tmp/version"
    mv -T "$tmp" "$2"
}

# kernel_fetch NAME: makes $LAB_CACHE/NAME point at an unpacked kernel and prints that path.
kernel_fetch() {
    local name=$1 package dir

    package=$(kernel_package "${LAB_KERNEL_PACKAGE[$name]}")
    if [ -z "$package" ] && [ ! -e "$LAB_CACHE/$name" ]; then
        apt_update || true
        package=$(kernel_package "${LAB_KERNEL_PACKAGE[$name]}")
    fi
    if [ -z "$package" ]; then
        # No package index (offline): what the cache has is good enough.
        [ -e "$LAB_CACHE/$name/version" ] ||
            die "apt knows no ${LAB_KERNEL_PACKAGE[$name]}; is bookworm-security in its sources?"
        readlink -f "$LAB_CACHE/$name"
        return
    fi
    dir=$LAB_CACHE/unpacked/$package
    if [ ! -e "$dir/version" ]; then
        mkdir -p "$LAB_CACHE/unpacked" "$LAB_CACHE/deb/$package"
        say "downloading kernel $name ($package)"
        (cd "$LAB_CACHE/deb/$package" && apt_download "$package") || die "cannot download $package"
        say "unpacking kernel $name"
        unpack_kernel "$LAB_CACHE/deb/$package" "$dir" || die "cannot unpack $package"
        rm -rf "${LAB_CACHE:?}/deb/$package"
    fi
    ln -sfn "unpacked/$package" "$LAB_CACHE/$name"
    echo "$dir"
}

# Two runs at once must not download into the same place.
kernels_fetch() {
    mkdir -p "$LAB_CACHE"
    (
        flock 9
        for name in "$@"; do
            kernel_fetch "$name" > /dev/null || exit 1
        done
    ) 9> "$LAB_CACHE/lock"
}
