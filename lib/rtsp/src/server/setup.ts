import type { Socket } from 'node:dgram';
import { parseTransport, type Transport } from '../message/fields.ts';
import { type Random, RtspError } from '../types.ts';
import { normalAddress } from '../udp/address.ts';
import { bindUdpPair, type UdpPair } from '../udp/pair.ts';

export interface TransportRules {
  random: Random;
  /** What the server sends by. */
  transports: readonly ('tcp' | 'udp')[];
}

/** A transport the server agrees to; `answer` is the Transport field of the response. */
export type Grant = { answer: string; release(): void } & (
  | { transport: 'tcp'; channel: number }
  | { transport: 'udp'; pair: UdpPair }
);

/**
 * Chooses the first transport of an offer that can be served, undefined when there is none (status 461).
 * UDP goes to the address of the control connection and nowhere else: a `destination` that is another is
 * refused, so nobody can have a stream sent to a third party.
 *
 * @param fixed the transport of tracks set up before; one session has one.
 */
export async function grantTransport(
  offer: string,
  track: number,
  rules: TransportRules,
  peer: { remote: string; local: string },
  fixed: 'tcp' | 'udp' | undefined,
): Promise<Grant | undefined> {
  for (const transport of readOffer(offer)) {
    const { lower, clientPort, destination = peer.remote } = transport;
    if (!rules.transports.includes(lower) || (fixed ?? lower) !== lower || transport.multicast) continue;
    if (lower === 'tcp') {
      const channel = transport.interleaved?.[0] ?? 2 * track;
      const answer = `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`;
      if (channel < 255) return { transport: 'tcp', channel, answer, release: () => undefined };
    } else if (clientPort && clientPort[0] > 0 && normalAddress(destination) === peer.remote) {
      return grantUdp(clientPort, rules.random, peer);
    }
  }
  return undefined;
}

async function grantUdp(
  clientPort: [number, number],
  random: Random,
  peer: { remote: string; local: string },
): Promise<Grant | undefined> {
  try {
    const pair = await bindUdpPair(peer.local, random);
    await Promise.all([
      connectUdp(pair.rtp, clientPort[0], peer.remote),
      connectUdp(pair.rtcp, clientPort[1], peer.remote),
    ]);
    const release = () => {
      pair.rtp.close();
      pair.rtcp.close();
    };
    const ports = `client_port=${clientPort.join('-')};server_port=${pair.port}-${pair.port + 1}`;
    return { transport: 'udp', pair, answer: `RTP/AVP;unicast;${ports}`, release };
  } catch (error) {
    if (error instanceof RtspError) return undefined;
    throw error;
  }
}

function connectUdp(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(port, address, (error?: Error) => (error ? reject(error) : resolve()));
  });
}

function readOffer(offer: string): Transport[] {
  try {
    return parseTransport(offer);
  } catch (error) {
    if (error instanceof RtspError) return [];
    throw error;
  }
}
