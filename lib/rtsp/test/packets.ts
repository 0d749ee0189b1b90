import { type AccessUnit, AccessUnitAssembler, type AssemblerOptions, PacketWriter } from '../src/index.ts';

export interface PacketFields {
  seq: number;
  ts: number;
  marker?: boolean;
}

/** One RTP packet with `payload`. */
export function packet(
  { seq, ts, marker = false }: PacketFields,
  ...payload: (number[] | Uint8Array)[]
): Buffer {
  const writer = new PacketWriter({ payloadType: 96, ssrc: 0x1234, sequenceNumber: seq, mtu: 65_000 });
  return writer.write(
    ts,
    marker,
    payload.map((part) => Uint8Array.from(part)),
  );
}

/** An assembler whose access units are gathered. */
export function gather(options: Omit<AssemblerOptions, 'onAccessUnit'>) {
  const units: AccessUnit[] = [];
  const assembler = new AccessUnitAssembler({ ...options, onAccessUnit: (unit) => units.push(unit) });
  /** Pushes a copy that is wiped at once, as a reused receive buffer would be. */
  const push = (bytes: Buffer) => {
    const copy = Buffer.concat([Buffer.from([0xaa]), bytes, Buffer.from([0xbb])]);
    assembler.push(copy, 1, copy.length - 1);
    copy.fill(0xdd);
  };
  return { assembler, units, push, stats: assembler.stats };
}

export const hex = (nalUnits: readonly Buffer[]): string[] => nalUnits.map((nal) => nal.toString('hex'));
