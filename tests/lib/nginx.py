# SPDX-License-Identifier: GPL-2.0
"""nginx as a test wants it: one process, in the foreground, everything it writes in the lab's own folder."""

CONFIG = """
daemon off;
master_process off;
pid {tmp}/nginx-{port}.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile {sendfile};
    client_body_temp_path {tmp}/nginx-body;
    proxy_temp_path {tmp}/nginx-proxy;
    fastcgi_temp_path {tmp}/nginx-fastcgi;
    uwsgi_temp_path {tmp}/nginx-uwsgi;
    scgi_temp_path {tmp}/nginx-scgi;
    server {{
        listen {port}{tls};
        listen [::]:{port}{tls};
        root {root};
        {more}
    }}
}}
"""


def nginx_command(lab, root, port, sendfile="on", tls=None, more=""):
    """`tls` is the pair of certificate and key; `more` are further directives of the server."""
    if tls:
        more += " ssl_certificate %s; ssl_certificate_key %s;" % tls
    config = lab.write("nginx-%d.conf" % port,
                       CONFIG.format(tmp=lab.tmp, root=root, port=port, sendfile=sendfile, tls=" ssl" if tls else "",
                                     more=more))
    return ["/usr/sbin/nginx", "-e", "stderr", "-c", config]
