# SPDX-License-Identifier: GPL-2.0
"""nginx as a test wants it: one process in the foreground, or a daemon with workers; everything it writes in the lab's own
folder."""
import os
import signal

from lab import ADDRESS, alp, wait_until
from processes import children_of

CONFIG = """
{processes}
pid {tmp}/nginx-{port}.pid;
error_log {log} notice;
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
        listen {port}{tls}{reuseport};
        listen [::]:{port}{tls}{reuseport};
        root {root};
        {more}
    }}
}}
"""


ONE_PROCESS = "daemon off; master_process off;"


def nginx_command(lab, root, port, sendfile="on", tls=None, more="", processes=ONE_PROCESS, log="stderr",
                  reuseport=False):
    """`tls` is the pair of certificate and key; `more` are further directives of the server."""
    if tls:
        more += " ssl_certificate %s; ssl_certificate_key %s;" % tls
    config = lab.write("nginx-%d.conf" % port,
                       CONFIG.format(tmp=lab.tmp, root=root, port=port, sendfile=sendfile, tls=" ssl" if tls else "",
                                     more=more, processes=processes, log=log,
                                     reuseport=" reuseport" if reuseport else ""))
    return ["/usr/sbin/nginx", "-e", "stderr", "-c", config]


class NginxDaemon:
    """A master in the background with its workers, on host a under Alpine."""

    def __init__(self, lab, root, port, workers, **options):
        self.lab, self.workers_wanted = lab, workers
        self.pid_file, self.log = lab.path("nginx-%d.pid" % port), lab.path("nginx-%d.log" % port)
        self.command = nginx_command(lab, root, port, processes="worker_processes %d;" % workers, log=self.log,
                                     **options)
        lab.run("a", alp(*self.command))
        wait_until(lambda: os.path.exists(self.pid_file) and len(self.workers()) == workers, "the workers run")
        wait_until(lambda: lab.answers("b", ADDRESS["a"], port), "nginx answers on port %d" % port)

    def pid(self, old=False):
        """The master's; of the old one during an upgrade."""
        with open(self.pid_file + (".oldbin" if old else "")) as file:
            return int(file.read())

    def workers(self, old=False):
        """Those that are not leaving, without whatever else the master may have started."""
        return [pid for pid in children_of(self.pid(old)) if self._is_worker(pid)]

    def signal(self, number, old=False):
        os.kill(self.pid(old), number)

    def reload(self):
        before = self.workers()
        self.signal(signal.SIGHUP)
        self.wait_for_workers(without=before)

    def wait_for_workers(self, without):
        """Until all of them run, and none of those."""
        wait_until(lambda: len(self.workers()) == self.workers_wanted and not set(self.workers()) & set(without),
                   "new workers have taken over", timeout=20)

    def upgrade(self):
        """A new master with workers of its own takes the listeners over; the old one leaves."""
        old = self.pid()
        self.signal(signal.SIGUSR2)
        wait_until(lambda: self._new_master(old) and len(self.workers()) == self.workers_wanted,
                   "a second master runs", timeout=20)
        self.signal(signal.SIGWINCH, old=True)
        wait_until(lambda: self.workers(old=True) == [], "the old workers have left", timeout=20)
        self.signal(signal.SIGQUIT, old=True)
        wait_until(lambda: not os.path.exists("/proc/%d" % old), "the old master has left", timeout=20)

    def stop(self):
        self.lab.end_daemon(self.pid_file)

    def said(self):
        with open(self.log) as file:
            return file.read()

    def _new_master(self, old):
        try:
            return self.pid(old=True) == old != self.pid()
        except FileNotFoundError:
            return False

    @staticmethod
    def _is_worker(pid):
        try:
            with open("/proc/%d/cmdline" % pid) as file:
                return file.read().rstrip("\0 ") == "nginx: worker process"
        except (FileNotFoundError, ProcessLookupError):  # the latter from a file that was open before
            return False
