#!/bin/sh
# Installs the foreign programs that the suites run against, mail programs and a browser: foreign.sh [--bench].
# Debian packages by apt-get; OpenSMTPD unpacked beside (it conflicts with Postfix); npm packages under .deps/.
set -eu
cd "$(dirname "$0")/.."
deps=.deps
if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi

want=
for pair in curl:curl swaks:swaks msmtp:msmtp s-nail:s-nail /usr/sbin/postfix:postfix node:nodejs npm:npm \
    chromium:chromium; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || want="$want ${pair##*:}"
done
perl -MIO::Socket::SSL -e 1 2>/dev/null || want="$want libio-socket-ssl-perl libnet-ssleay-perl"
# The browser suite reads Japanese.
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || want="$want fonts-noto-cjk"
perl -MAuthen::SASL -e 1 2>/dev/null || want="$want libauthen-sasl-perl"
if [ "${1:-}" = --bench ] && ! command -v saslpasswd2 >/dev/null 2>&1; then
    want="$want sasl2-bin libsasl2-modules libsasl2-modules-db"
fi
if [ "${1:-}" = --full ]; then  # a WordPress to publish to; its tests run their own MariaDB and PHP
    for pair in php:php-cli mariadbd:mariadb-server /usr/share/wordpress/wp-load.php:wordpress; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || [ -e "${pair%%:*}" ] || want="$want ${pair##*:}"
    done
    php -m 2>/dev/null | grep -qi mysqli || want="$want php-mysql"
fi
if [ -n "$want" ] || [ ! -x "$deps/opensmtpd/usr/sbin/smtpd" ]; then
    $sudo apt-get update -qq
fi
if [ -n "$want" ]; then
    echo "installing Debian packages:$want" >&2
    # shellcheck disable=SC2086 # the list is meant to split
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
fi

if [ ! -x "$deps/opensmtpd/usr/sbin/smtpd" ]; then
    echo "unpacking OpenSMTPD into $deps" >&2
    mkdir -p "$deps/deb"
    # Its libraries do not conflict with anything and are installed; the daemon itself is only unpacked.
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libevent-2.1-7 libdb5.3 >/dev/null
    (cd "$deps/deb" && apt-get download -qq -o APT::Sandbox::User=root opensmtpd >/dev/null)
    dpkg -x "$deps"/deb/opensmtpd_*.deb "$deps/opensmtpd"
fi

npm_install() {
    [ -d "$deps/node_modules/${1%@*}" ] && return
    echo "installing $1 under $deps" >&2
    npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts --prefix "$deps" "$1" >/dev/null
}
npm_install nodemailer@10.6.1
if [ "${1:-}" = --bench ]; then npm_install Haraka@3.3.4; fi
