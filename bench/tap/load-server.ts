/**
 * A process that is many cameras: serves /cam0 … /cam<n-1> over RTSP/TCP, paced, without authentication.
 * Far leaner than a real server, so that one core feeds hundreds of readers; what readers get is the same.
 * Speaks to its parent by node IPC: sends {port}; on 'stop' sends {sent} and ends.
 */
import { createServer, type Socket } from 'node:net';
import { writeSdp } from '@opennvr/rtsp';
import { CLIP, type Clip, loadClip } from './clip.ts';

/** A keyframe as it left: camera, its number in the clip, monotonic µs just before it was written. */
export type Sent = [camera: number, frame: number, at: number];

const FRAME_MS = 1000 / CLIP.fps;
const RTP_CLOCK = 90_000;
/** A reader this far behind is gone. */
const MAX_BEHIND = 8 * 1024 * 1024;

const cameras = Number(process.argv[2]);
const clip = loadClip(process.argv[3] ?? 'ffmpeg');
const readers: Set<Socket>[] = Array.from({ length: cameras }, () => new Set());
const sent: Sent[] = [];

const server = createServer((socket) => serve(socket, clip));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0, kbps: clip.kbps });
});
process.on('message', () => {
  process.send?.({ sent }, () => process.exit(0));
});
process.on('disconnect', () => process.exit(0));

pace();

/** Sends each camera's frames on its own beat: neither frames nor keyframes of two cameras coincide. */
function pace(): void {
  const start = performance.now();
  const next = Array.from({ length: cameras }, (_, camera) => ({
    due: start + (camera * FRAME_MS) / cameras,
    count: Math.floor((camera * CLIP.gop) / cameras),
  }));
  const beat = () => {
    const now = performance.now();
    next.forEach((turn, camera) => {
      while (turn.due <= now) {
        send(camera, turn.count++);
        turn.due += FRAME_MS;
      }
    });
    setTimeout(beat, 1);
  };
  beat();
}

function send(camera: number, count: number): void {
  const index = count % clip.frames.length;
  const frame = clip.frames[index];
  const to = readers[camera];
  if (!frame || !to || to.size === 0) return;
  const loops = Math.floor(count / clip.frames.length);
  const bytes = Buffer.from(frame.bytes);
  for (const at of frame.packets) {
    bytes.writeUInt16BE((bytes.readUInt16BE(at + 2) + loops * clip.packets) & 0xffff, at + 2);
    bytes.writeUInt32BE(((count * RTP_CLOCK) / CLIP.fps) % 2 ** 32, at + 4);
    bytes.writeUInt32BE(camera + 1, at + 8);
  }
  if (frame.keyframe) sent.push([camera, index, Number(process.hrtime.bigint() / 1000n)]);
  for (const socket of to) {
    if (socket.writableLength > MAX_BEHIND) socket.destroy();
    else socket.write(bytes);
  }
}

function serve(socket: Socket, { parameterSets }: Clip): void {
  let text = '';
  let camera = -1;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => readers[camera]?.delete(socket));
  socket.on('data', (data) => {
    text += data.toString('latin1');
    // Receiver reports come between requests; nothing here needs them.
    for (;;) {
      const rest = skipInterleaved(text);
      if (rest === undefined) return;
      text = rest;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      answer(head);
    }
  });

  const answer = (head: string) => {
    const [, method, url] = /^(\S+) (\S+)/.exec(head) ?? [];
    const cseq = /^CSeq: *(\d+)/im.exec(head)?.[1] ?? '0';
    const reply = (fields: string[], body = '') =>
      socket.write(
        [
          'RTSP/1.0 200 OK',
          `CSeq: ${cseq}`,
          'Session: 1;timeout=60',
          ...fields,
          `Content-Length: ${body.length}`,
        ]
          .join('\r\n')
          .concat('\r\n\r\n', body),
      );
    camera = Number(/\/cam(\d+)/.exec(url ?? '')?.[1] ?? camera);
    if (method === 'OPTIONS') reply(['Public: DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER']);
    else if (method === 'DESCRIBE') reply(['Content-Type: application/sdp', `Content-Base: ${url}/`], sdp());
    else if (method === 'SETUP') reply(['Transport: RTP/AVP/TCP;unicast;interleaved=0-1']);
    else if (method === 'PLAY') {
      reply([]);
      readers[camera]?.add(socket);
    } else reply([]);
  };

  const sdp = () =>
    writeSdp({
      tracks: [
        {
          index: 0,
          kind: 'video',
          codec: 'h264',
          payloadType: 96,
          clockRate: RTP_CLOCK,
          channels: 0,
          control: 'trackID=0',
          fmtp: new Map(),
          parameterSets,
        },
      ],
    });
}

/** Takes whole interleaved frames off the front; undefined when one is not whole yet. */
function skipInterleaved(text: string): string | undefined {
  let rest = text;
  while (rest.startsWith('$')) {
    if (rest.length < 4) return undefined;
    const length = rest.charCodeAt(2) * 256 + rest.charCodeAt(3);
    if (rest.length < 4 + length) return undefined;
    rest = rest.slice(4 + length);
  }
  return rest;
}
