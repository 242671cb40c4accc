#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds a stack image: stack/build.sh NAME BUILD_DIR   (NAME: linux-6.12)
#
# The Debian source package is unpacked once into a cache outside the repo and never written to again. The tree that is
# built, BUILD_DIR/stack/NAME/src, is a view of it: links to every folder of the pristine tree, and arch/alpine as the only
# real files of ours. Result: BUILD_DIR/lib/alpine/stack-NAME.so.
set -euo pipefail

fail() { echo "stack/build.sh: $*" >&2; exit 1; }

[ $# -eq 2 ] || { echo "usage: stack/build.sh NAME BUILD_DIR" >&2; exit 2; }
name=$1
build=$(realpath -m "$2")
room=$(cd "$(dirname "$0")" && pwd)
repo=$(dirname "$room")
version=${name#linux-}
tarball=/usr/src/linux-source-$version.tar.xz
if [ -n "${ALPINE_CACHE:-}" ]; then cache=$ALPINE_CACHE
elif [ "$(id -u)" -eq 0 ]; then cache=/var/cache/alpine
else cache=$HOME/.cache/alpine; fi

case $name in
    linux-6.12) ;;
    *) fail "no stack is called '$name'; there is linux-6.12" ;;
esac
[ -e "$tarball" ] || fail "$tarball is missing: apt-get install linux-source-$version (or sudo ./dev setup)"

# The package version names the unpacked tree, so that an upgrade is unpacked afresh.
package=$(dpkg-query -W -f '${Version}' "linux-source-$version")
pristine=$cache/linux-source-$version-${package//[^0-9A-Za-z.+-]/_}
if [ ! -e "$pristine/Makefile" ]; then
    echo "  UNPACK  $tarball"
    mkdir -p "$cache"
    rm -rf "$pristine.part"
    mkdir "$pristine.part"
    tar -xf "$tarball" -C "$pristine.part" --strip-components=1
    mv "$pristine.part" "$pristine"
fi

src=$build/stack/$name/src
obj=$build/stack/$name/obj
mkdir -p "$src/arch" "$obj" "$build/lib/alpine"
for entry in "$pristine"/* "$pristine"/.[!.]*; do
    [ "$(basename "$entry")" = arch ] || ln -sfn "$entry" "$src/$(basename "$entry")"
done
for entry in "$pristine"/arch/* "$pristine"/arch/.[!.]*; do
    ln -sfn "$entry" "$src/arch/$(basename "$entry")"
done
# By content, so that an untouched file keeps its time and kbuild its work.
rsync -rlc --delete --exclude=/include/alpine/ --exclude=/include/generated "$room/arch/" "$src/arch/alpine/"
mkdir -p "$src/arch/alpine/include/alpine"
rsync -rlc --delete "$repo/abi/stack.h" "$repo/abi/stack_calls.h" "$src/arch/alpine/include/alpine/"

make=(make -C "$src" "O=$obj" ARCH=alpine "-j$(nproc)" --no-print-directory
      KBUILD_BUILD_USER=alpine KBUILD_BUILD_HOST=alpine "KBUILD_BUILD_TIMESTAMP=1970-01-01")
if command -v ccache >/dev/null; then
    export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1
    make+=("CC=ccache gcc" "HOSTCC=ccache gcc")
fi

config=$room/config/linux.config
if [ ! -e "$obj/.config" ] || ! cmp -s "$config" "$obj/.config.from"; then
    "${make[@]}" "KCONFIG_ALLCONFIG=$config" allnoconfig >/dev/null
    lost=$(grep '^CONFIG_.*=y$' "$config" | grep -vxFf "$obj/.config" || true)
    [ -z "$lost" ] || fail "$name: the configuration lost:" $lost
    cp "$config" "$obj/.config.from"
fi
"${make[@]}" vmlinux modules_prepare
install -m 755 "$obj/vmlinux" "$build/lib/alpine/stack-$name.so.new"
mv "$build/lib/alpine/stack-$name.so.new" "$build/lib/alpine/stack-$name.so"
