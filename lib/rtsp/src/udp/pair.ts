import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Random, RtspError } from '../types.ts';
import { normalAddress } from './address.ts';

/** An even RTP port and the RTCP port above it (RFC 3550 11). */
export interface UdpPair {
  port: number;
  rtp: Socket;
  rtcp: Socket;
}

const FIRST_PORT = 20_000;
const PORT_PAIRS = 6000;
const ATTEMPTS = 32;
/** An I-frame comes as one burst; the kernel caps this to its own limit. */
const BUFFER_BYTES = 2 * 1024 * 1024;

/**
 * Binds a pair below the ports that the kernel gives to others. Errors of the sockets later on are ignored: a
 * port that nobody listens on shows up so, and whether a peer lives is told by its packets.
 *
 * @throws RtspError `limit` when no pair is free.
 */
export async function bindUdpPair(localAddress: string, random: Random): Promise<UdpPair> {
  const address = normalAddress(localAddress);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FIRST_PORT + 2 * Math.floor(random() * PORT_PAIRS);
    const rtp = await bind(address, port);
    const rtcp = rtp && (await bind(address, port + 1));
    if (rtp && rtcp) return { port, rtp, rtcp };
    rtp?.close();
  }
  throw new RtspError('limit', 'no free pair of UDP ports');
}

function bind(address: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket({
      type: isIPv6(address) ? 'udp6' : 'udp4',
      recvBufferSize: BUFFER_BYTES,
      sendBufferSize: BUFFER_BYTES,
    });
    const refused = () => {
      socket.close();
      resolve(undefined);
    };
    socket.once('error', refused);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', refused);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
