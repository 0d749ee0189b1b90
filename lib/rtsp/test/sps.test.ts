import { execFileSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { addEmulationPrevention } from '../src/bitstream/emulation.ts';
import { isKeyframeNal, nalType, parseSps, RtspError, type VideoCodec } from '../src/index.ts';
import { BitWriter } from './bit-writer.ts';
import { Clips, FFPROBE, withoutProbe } from './media.ts';

const clips = new Clips();
afterAll(() => clips.remove());

const spsOf = (codec: VideoCodec, nalUnits: Buffer[]) => {
  const sps = nalUnits.find((nal) => nalType(codec, nal) === (codec === 'h264' ? 7 : 33));
  if (!sps) throw new Error('the clip has no SPS');
  return sps;
};

interface Probed {
  width: number;
  height: number;
  level: number;
  profile: string;
}

const probe = (path: string): Probed => {
  const args = ['-v', 'error', '-show_entries', 'stream=width,height,level,profile', '-of', 'json', path];
  return JSON.parse(execFileSync(FFPROBE, args, { encoding: 'utf8' })).streams[0];
};

const PROFILES = new Map([
  ['h264 66', 'Baseline'],
  ['h264 77', 'Main'],
  ['h264 100', 'High'],
  ['h264 110', 'High 10'],
  ['h264 122', 'High 4:2:2'],
  ['h264 244', 'High 4:4:4 Predictive'],
  ['h265 1', 'Main'],
  ['h265 2', 'Main 10'],
  ['h265 4', 'Rext'],
]);

describe(`SPS of real encoders, as ffprobe reads it${withoutProbe}`, () => {
  const cases: [VideoCodec, Parameters<Clips['encode']>[1] & object][] = [
    ['h264', { size: '320x180' }],
    ['h264', { size: '1920x1080', rate: 2, extra: ['-profile:v', 'main'] }],
    ['h264', { size: '638x358', extra: ['-preset', 'medium', '-profile:v', 'high', '-bf', '3'] }],
    ['h264', { size: '322x180', extra: ['-flags', '+ilme+ildct', '-x264-params', 'tff=1', '-bf', '0'] }],
    ['h264', { size: '322x182', pixels: 'yuv422p10le' }],
    ['h264', { size: '321x181', pixels: 'yuv444p' }],
    ['h264', { size: '320x180', extra: ['-preset', 'medium', '-x264-params', 'cqm=jvt'] }],
    ['h264', { size: '320x180', extra: ['-x264-params', 'annexb=1:slices=4:bframes=0'] }],
    ['h265', { size: '320x180' }],
    ['h265', { size: '1920x1080', rate: 2 }],
    ['h265', { size: '638x358', extra: ['-bf', '3'] }],
    ['h265', { size: '322x182', pixels: 'yuv420p10le' }],
    ['h265', { size: '322x180', pixels: 'yuv422p' }],
    ['h265', { size: '321x181', pixels: 'yuv444p' }],
  ];
  test.skipIf(withoutProbe !== '').each(cases)('%s %o', (codec, options) => {
    const clip = clips.encode(codec, options);
    const expected = probe(clip.path);
    const sps = parseSps(codec, spsOf(codec, clip.nalUnits));
    expect(`${sps.width}x${sps.height}`).toBe(options.size);
    expect(sps).toMatchObject({ width: expected.width, height: expected.height });
    expect(Math.round(sps.level * (codec === 'h264' ? 10 : 30))).toBe(expected.level);
    expect(expected.profile).toContain(PROFILES.get(`${codec} ${sps.profile}`));
    expect(clip.nalUnits.some((nal) => isKeyframeNal(codec, nal))).toBe(true);
  });
});

describe('hostile SPS', () => {
  /** A High profile SPS up to its scaling lists. */
  const high = () => new BitWriter([0x67, 100, 0, 40]).ue(0).ue(1).ue(0).ue(0).bits(0, 1);
  const afterProfile = () => new BitWriter([0x67, 66, 0, 40]).ue(0);
  /** Baseline, all zero up to the size. */
  const upToSize = () => afterProfile().ue(0).ue(2).ue(1).bits(0, 1);
  const h265 = () => new BitWriter([0x42, 1, 0x01, 0x01, ...Array(10).fill(0), 93]).ue(0).ue(1);
  const refused = (code: string) => (thrown: unknown) => thrown instanceof RtspError && thrown.code === code;
  const parse = (codec: VideoCodec, writer: BitWriter) => () =>
    parseSps(codec, addEmulationPrevention(writer.bytes()));

  test('the base for these is fine', () => {
    expect(parse('h264', upToSize().ue(39).ue(29).bits(0b1_1_0_1, 4))()).toEqual({
      width: 640,
      height: 480,
      profile: 66,
      level: 4,
    });
    expect(parse('h265', h265().ue(640).ue(480).bits(1, 2))()).toEqual({
      width: 640,
      height: 480,
      profile: 1,
      level: 3.1,
    });
  });

  test('a scaling list that ends early, and sub-layers, are stepped over', () => {
    // delta_scale -8 makes the next scale 0: the rest of the list is not sent (7.3.2.1.1.1).
    const lists = high().bits(0b11, 2).ue(16).bits(0, 7);
    expect(parse('h264', lists.ue(0).ue(2).ue(1).bits(0, 1).ue(39).ue(29).bits(0b1_1_0_1, 4))()).toEqual({
      width: 640,
      height: 480,
      profile: 100,
      level: 4,
    });
    // One sub-layer with profile and level: two flags, seven times two reserved bits, 88 and 8 bits (7.3.3).
    const layered = new BitWriter([0x42, 1, 0x03, 0x01, ...Array(10).fill(0), 93])
      .bits(0b11, 2)
      .zeros(14 + 96);
    expect(parse('h265', layered.ue(0).ue(1).ue(640).ue(480).bits(1, 2))()).toMatchObject({
      width: 640,
      height: 480,
    });
  });

  test.each<[string, string, () => unknown]>([
    ['empty', 'protocol', () => parseSps('h264', Buffer.alloc(0))],
    ['a PPS', 'protocol', () => parseSps('h264', Buffer.from([0x68, 1, 2, 3, 4]))],
    ['header only', 'protocol', () => parseSps('h265', Buffer.from([0x42, 1]))],
    ['exp-Golomb code without end', 'protocol', parse('h264', afterProfile().zeros(4096))],
    [
      '16 MiB of zeros',
      'protocol',
      () => parseSps('h264', Buffer.concat([Buffer.from([0x67]), Buffer.alloc(16 << 20)])),
    ],
    ['width of 2^32 macroblocks', 'limit', parse('h264', upToSize().ue(0xffff_fffe).ue(29).bits(0b11, 2))],
    ['height of 2^31 macroblocks', 'limit', parse('h264', upToSize().ue(39).ue(0x7fff_fffe).bits(0b01, 2))],
    ['16384 × 16384', 'limit', parse('h264', upToSize().ue(1023).ue(1023).bits(0b11, 2))],
    ['H.265 of 2^32 - 2 samples', 'limit', parse('h265', h265().ue(0xffff_fffe).ue(16))],
    ['H.265 of no size', 'protocol', parse('h265', h265().ue(0).ue(0).bits(0, 8))],
    [
      'cropping more than there is',
      'protocol',
      parse('h264', upToSize().ue(39).ue(29).bits(0b111, 3).ue(5000).ue(5000).ue(0).ue(0)),
    ],
    ['scaling list beyond its range', 'protocol', parse('h264', high().bits(0b11, 2).ue(100_000))],
    ['a scaling list that stops midway', 'protocol', parse('h264', high().bits(0b11, 2).ue(1).ue(1).ue(1))],
    [
      '300 reference offsets',
      'protocol',
      parse('h264', afterProfile().ue(0).ue(1).bits(1, 1).ue(0).ue(0).ue(300)),
    ],
    ['an enhancement layer', 'unsupported', parse('h265', new BitWriter([0x42, 0x09, 1, 1]))],
    ['eight sub-layers', 'protocol', parse('h265', new BitWriter([0x42, 1, 0x0f, 1]))],
  ])('%s: refused as %s', (_name, code, attempt) => {
    expect(attempt).toThrow(expect.toSatisfy(refused(code)));
  });
});
