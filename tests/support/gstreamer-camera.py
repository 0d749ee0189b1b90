"""GStreamer's RTSP server as a camera: prints its port, runs until standard input closes."""
import sys
import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

MOUNTS = {
    "/live": "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1"
    " ! x264enc tune=zerolatency key-int-max=15 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96 "
    " audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "/mjpeg": "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=5/1"
    " ! jpegenc ! rtpjpegpay name=pay0 pt=26",
}

Gst.init(None)
if "--check" in sys.argv:
    wanted = ["x264enc", "rtph264pay", "alawenc", "rtppcmapay", "jpegenc", "rtpjpegpay"]
    sys.exit(0 if all(Gst.ElementFactory.find(name) for name in wanted) else 1)

server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
for path, launch in MOUNTS.items():
    factory = GstRtspServer.RTSPMediaFactory(launch=f"( {launch} )", shared=True)
    server.get_mount_points().add_factory(path, factory)
server.attach(None)
print(server.get_bound_port(), flush=True)

loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
loop.run()
