# SPDX-License-Identifier: GPL-2.0
# The libraries taken from Debian (tools/packages.txt). Rooms link the imported targets named here.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)                                                  # fmt::fmt
find_package(CLI11 REQUIRED)                                                # CLI11::CLI11
find_package(GTest REQUIRED)                                                # GTest::gtest_main
find_package(benchmark REQUIRED)                                            # benchmark::benchmark
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)                   # PkgConfig::LIBBPF
pkg_check_modules(LIBMNL REQUIRED IMPORTED_TARGET libmnl)                   # PkgConfig::LIBMNL
pkg_check_modules(LIBNFTABLES REQUIRED IMPORTED_TARGET libnftables)         # PkgConfig::LIBNFTABLES
pkg_check_modules(LIBPCAP REQUIRED IMPORTED_TARGET libpcap)                 # PkgConfig::LIBPCAP
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)           # PkgConfig::LIBSECCOMP
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)       # PkgConfig::TOMLPLUSPLUS
