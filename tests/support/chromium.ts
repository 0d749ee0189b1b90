import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { findProgram } from '@opennvr/service';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Chromium's path; undefined where there is none. */
export function chromiumPath(): string | undefined {
  return findProgram('chromium', 'CHROMIUM_BIN');
}

/** What a browser needs to show one camera over WebRTC, and counters a test can read. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>live</title>
<style>body{margin:0;background:#111}video{width:100vw;height:100vh;object-fit:contain}
p{position:fixed;left:0;bottom:0;margin:0;padding:.4em .8em;font:16px monospace;color:#fff;background:#000c}</style>
<video id="video" autoplay muted playsinline></video><p id="caption"></p>
<script>
const video = document.getElementById('video');
let peer;
window.lastFrameAt = 0;
const onFrame = () => {
  window.lastFrameAt = Date.now();
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  caption.textContent = 'WebRTC ' + peer.connectionState + ', ' + video.videoWidth + ' × ' + video.videoHeight + ', ' +
    totalVideoFrames + ' frames decoded';
  video.requestVideoFrameCallback(onFrame);
};
const caption = document.getElementById('caption');
video.requestVideoFrameCallback(onFrame);
window.offer = async () => {
  peer = new RTCPeerConnection();
  peer.addTransceiver('video', { direction: 'recvonly' });
  peer.addTransceiver('audio', { direction: 'recvonly' });
  const stream = new MediaStream();
  peer.ontrack = ({ track }) => { stream.addTrack(track); video.srcObject = stream; };
  await peer.setLocalDescription();
  if (peer.iceGatheringState !== 'complete')
    await new Promise((resolve) => { peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve(); });
  return peer.localDescription.sdp;
};
window.answer = (sdp) => peer.setRemoteDescription({ type: 'answer', sdp });
window.state = async () => {
  const audio = { packets: 0 };
  for (const report of (await peer.getStats()).values())
    if (report.type === 'inbound-rtp' && report.kind === 'audio') audio.packets = report.packetsReceived;
  return { frames: video.getVideoPlaybackQuality().totalVideoFrames, width: video.videoWidth, height: video.videoHeight,
    lastFrameAt: window.lastFrameAt, audioPackets: audio.packets, connection: peer.connectionState };
};
</script>`;

export interface PlayerState {
  /** Frames decoded and shown so far. */
  frames: number;
  width: number;
  height: number;
  /** Wall clock, ms. */
  lastFrameAt: number;
  audioPackets: number;
  connection: string;
}

/** A real Chromium with the one page a viewer needs. */
export class Viewers {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #url: string;

  private constructor(browser: Browser, server: Server, url: string) {
    this.#browser = browser;
    this.#server = server;
    this.#url = url;
  }

  static async launch(executablePath: string): Promise<Viewers> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(PAGE);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const browser = await chromium.launch({
      executablePath,
      args: [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        '--autoplay-policy=no-user-gesture-required',
      ],
    });
    return new Viewers(browser, server, `http://127.0.0.1:${port}/`);
  }

  async open(): Promise<Viewer> {
    const page = await this.#browser.newPage({ viewport: { width: 960, height: 540 } });
    await page.goto(this.#url);
    return new Viewer(page);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}

/** One page of the browser. */
export class Viewer {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  offer(): Promise<string> {
    return this.page.evaluate('window.offer()');
  }

  async answer(sdp: string): Promise<void> {
    await this.page.evaluate(`window.answer(${JSON.stringify(sdp)})`);
  }

  state(): Promise<PlayerState> {
    return this.page.evaluate('window.state()');
  }
}
