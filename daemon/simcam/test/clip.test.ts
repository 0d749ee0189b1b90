import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKeyframeNal, parseSps } from '@opennvr/rtsp';
import { findProgram } from '@opennvr/service';
import { afterAll, describe, expect, it } from 'vitest';
import { AdtsError, ClipError, type ClipSpec, DEFAULT_CLIP, loadClip, parseAdts } from '../src/index.ts';

const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');
const cacheDir = mkdtempSync(join(tmpdir(), 'opennvr-clips-'));
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

const small: ClipSpec = { ...DEFAULT_CLIP, width: 320, height: 240, gopFrames: 10 };

describe.skipIf(ffmpeg === undefined)(`a clip${ffmpeg ? '' : ' (skipped: no ffmpeg)'}`, () => {
  const tools = { ffmpeg: ffmpeg ?? '', cacheDir };

  it.each(['h264', 'h265'] as const)('of %s has closed GOPs of the length asked for', async (codec) => {
    const clip = await loadClip({ ...small, codec }, tools);
    expect(clip.gops.map((gop) => gop.length)).toEqual(Array(20).fill(10));
    for (const gop of clip.gops) {
      expect(gop.map((unit) => unit.some((nal) => isKeyframeNal(codec, nal)))).toEqual([
        true,
        ...Array(9).fill(false),
      ]);
    }
    const { sps, pps, vps } = clip.parameterSets;
    expect(sps && parseSps(codec, sps)).toMatchObject({ width: 320, height: 240 });
    expect(pps).toBeDefined();
    expect(vps !== undefined).toBe(codec === 'h265');
  });

  it('has as many AAC frames as fit its length without a gap', async () => {
    const { audio } = await loadClip({ ...small, audio: true }, tools);
    expect(audio).toMatchObject({ sampleRate: 48_000, channels: 1 });
    expect(audio?.frames).toHaveLength(375);
    // AudioSpecificConfig: AAC LC (2), 48 kHz (3), 1 channel.
    expect(audio?.config.toString('hex')).toBe('1188');
  });

  it('is made once', async () => {
    await loadClip(small, tools);
    const before = readdirSync(cacheDir).map((name) => statSync(join(cacheDir, name)).mtimeMs);
    await loadClip(small, { ...tools, ffmpeg: '/nonexistent' });
    expect(readdirSync(cacheDir).map((name) => statSync(join(cacheDir, name)).mtimeMs)).toEqual(before);
  });

  it('may be made by two at once', async () => {
    const spec = { ...small, width: 160, height: 120 };
    const [a, b] = await Promise.all([loadClip(spec, tools), loadClip(spec, tools)]);
    expect(a.gops.length).toBe(b.gops.length);
    expect(readdirSync(cacheDir).filter((name) => /\.\d+$/.test(name))).toEqual([]);
  });

  it('says what ffmpeg said when it cannot be made', async () => {
    await expect(loadClip({ ...small, fps: 20 }, { ...tools, ffmpeg: '/bin/false' })).rejects.toThrow(
      ClipError,
    );
    await expect(loadClip({ ...small, fps: 24 }, { ...tools, ffmpeg: '/nonexistent' })).rejects.toThrow(
      '/nonexistent',
    );
  });
});

describe('ADTS', () => {
  it.each([
    ['nothing', ''],
    ['no sync word', '00f15080017ffc00'],
    ['a frame beyond the end', 'fff14c80017ffc'],
    ['a length shorter than the header', 'fff14c80001ffc'],
    ['a reserved sample rate', 'fff17c8000fffc'],
  ])('is refused: %s', (_, hex) => {
    expect(() => parseAdts(Buffer.from(hex, 'hex'))).toThrow(AdtsError);
  });
});
