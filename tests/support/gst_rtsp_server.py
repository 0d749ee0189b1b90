#!/usr/bin/python3
"""A camera that is not ours: GStreamer's RTSP server with a live, small, moving test picture.

Prints {"port": N} once it listens; stops when its standard input closes. With --auth the first line of standard
input is the password, so that it shows up in no argument list.
"""

import argparse
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 threads=1 "
    "! h264parse ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 log-level=none "
    "option-string=pools=1:frame-threads=1 ! h265parse ! rtph265pay name=pay0 pt=96",
    "mjpeg": "videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay name=pay0 pt=26",
}
AUDIO = "audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay1 pt=8"
PROTOCOLS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
METHODS = {"basic": GstRtsp.RTSPAuthMethod.BASIC, "digest": GstRtsp.RTSPAuthMethod.DIGEST}
ROLE = "reader"


def read_options():
    options = argparse.ArgumentParser()
    options.add_argument("--codec", choices=ENCODERS, default="h264")
    options.add_argument("--audio", action="store_true")
    options.add_argument("--protocol", choices=PROTOCOLS, action="append")
    options.add_argument("--auth", choices=METHODS)
    options.add_argument("--user", default="operator")
    options.add_argument("--tls", metavar="PEM", help="certificate and key in one file")
    options.add_argument("--path", default="/cam")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--fps", type=int, default=20)
    return options.parse_args()


def make_auth(options):
    auth = GstRtspServer.RTSPAuth()
    if options.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.tls))
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
    if options.auth is None:
        auth.set_default_token(token)
    else:
        password = sys.stdin.readline().rstrip("\n")
        auth.set_supported_methods(METHODS[options.auth])
        if options.auth == "digest":
            auth.add_digest(options.user, password, token)
        else:
            auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, password), token)
    return auth


def make_factory(options):
    size = f"video/x-raw,width=320,height=240,framerate={options.fps}/1"
    factory = GstRtspServer.RTSPMediaFactory()
    video = f"videotestsrc is-live=true pattern=ball ! {size} ! {ENCODERS[options.codec]}"
    factory.set_launch(f"( {video} {AUDIO if options.audio else ''} )")
    factory.set_shared(True)
    allowed = GstRtsp.RTSPLowerTrans.UNKNOWN
    for name in options.protocol or PROTOCOLS:
        allowed |= PROTOCOLS[name]
    factory.set_protocols(allowed)
    if options.auth or options.tls:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role(ROLE, "media.factory.access", True)
        permissions.add_permission_for_role(ROLE, "media.factory.construct", True)
        factory.set_permissions(permissions)
    return factory


def main():
    options = read_options()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    if options.auth or options.tls:
        server.set_auth(make_auth(options))
    server.get_mount_points().add_factory(options.path, make_factory(options))
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    print(json.dumps({"port": server.get_bound_port()}), flush=True)

    def stop_with_parent():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=stop_with_parent, daemon=True).start()
    loop.run()


main()
