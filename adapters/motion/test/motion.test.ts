import { describe, expect, it } from 'vitest';
import { lumaGrid, type Motion, type MotionBox, MotionDetector } from '../src/index.ts';
import { clip, HEIGHT, type Mover, WIDTH, why } from './clip.ts';

function watch(frames: Buffer[]): Motion[] {
  const detector = new MotionDetector();
  return frames.map((frame, second) => detector.look('front', second * 1000, lumaGrid(frame)));
}

const boxesOf = (motion: Motion): MotionBox[] => (motion.kind === 'boxes' ? motion.boxes : []);

interface Truth {
  x: number;
  y: number;
  size: number;
}

function iou(box: MotionBox, { x, y, size }: Truth): number {
  const overlap = (a: number, aLength: number, b: number, bLength: number) =>
    Math.max(0, Math.min(a + aLength, b + bLength) - Math.max(a, b));
  const both =
    overlap(box.x * WIDTH, box.w * WIDTH, x, size) * overlap(box.y * HEIGHT, box.h * HEIGHT, y, size);
  return both / (box.w * WIDTH * box.h * HEIGHT + size * size - both);
}

describe.skipIf(why !== '')(`motion on a clip with known motion${why}`, () => {
  const FRAMES = 8;
  const walker: Mover = { size: 64, colour: 'white', x: '20+t*66', y: '100' };
  const climber: Mover = { size: 40, colour: 'black', x: '560', y: '312-t*42' };
  const truth = (frame: number): Truth[] => [
    { x: 20 + frame * 66, y: 100, size: 64 },
    { x: 560, y: 312 - frame * 42, size: 40 },
  ];

  it('puts one box on each thing that moves, where it is now, and none where it was', () => {
    const seen = watch(clip(FRAMES, [walker, climber]));
    let found = 0;
    let boxes = 0;
    for (let frame = 2; frame < FRAMES; frame++) {
      const here = boxesOf(seen[frame] ?? { kind: 'unknown' });
      boxes += here.length;
      found += truth(frame).filter((thing) => here.some((box) => iou(box, thing) >= 0.5)).length;
    }
    const things = 2 * (FRAMES - 2);
    console.log(`motion: recall ${found}/${things}, precision ${found}/${boxes} at IoU 0.5`);
    expect(found).toBe(things);
    expect(boxes).toBe(things);
  });

  it('sees nothing where nothing moves but noise', () => {
    const seen = watch(clip(FRAMES, []));
    expect(seen.slice(2)).toEqual(Array(FRAMES - 2).fill({ kind: 'boxes', boxes: [] }));
  });

  it('sees no motion in light that goes up or down, by a step or slowly', () => {
    for (const light of ['if(gte(n,4),0.25,0)', 'if(gte(n,4),-0.2,0)', '-0.2+0.05*n']) {
      const boxes = watch(clip(FRAMES, [], light)).flatMap(boxesOf);
      expect(boxes, light).toEqual([]);
    }
  });

  it('still sees a thing that moves while the light changes', () => {
    const seen = watch(clip(FRAMES, [{ ...walker, colour: 'black' }], 'if(gte(n,4),0.2,0)'));
    const hits = seen.slice(2).filter((motion, i) => {
      const thing = truth(i + 2)[0];
      return thing && boxesOf(motion).some((box) => iou(box, thing) >= 0.5);
    });
    expect(hits).toHaveLength(FRAMES - 2);
  });

  it('calls another scene a scene change, not motion', () => {
    const here = clip(3, []);
    const there = clip(3, [], '0', '110+50*sin(X/31)*cos(Y/11)');
    expect(watch([...here, ...there])[3]?.kind).toBe('scene_change');
  });
});

describe('the detector', () => {
  const grid = (luma: number, columns = 20) => ({
    columns,
    rows: 10,
    cells: new Float32Array(columns * 10).fill(luma),
    width: columns,
    height: 10,
  });

  it('needs two frames to compare with, ignores old ones, and starts over when the picture changes size', () => {
    const detector = new MotionDetector();
    const kinds = [
      detector.look('a', 1000, grid(10)),
      detector.look('a', 2000, grid(10)),
      detector.look('a', 3000, grid(10)),
      detector.look('a', 2500, grid(90)),
      detector.look('a', 3000, grid(90)),
      detector.look('a', 4000, grid(10)),
      detector.look('a', 5000, grid(10, 30)),
      detector.look('a', 6000, grid(10, 30)),
      detector.look('a', 7000, grid(10, 30)),
      detector.look('a', 100_000, grid(10, 30)),
    ].map(({ kind }) => kind);
    expect(kinds).toEqual([
      ...['unknown', 'unknown', 'boxes', 'unknown', 'unknown', 'boxes'],
      ...['unknown', 'unknown', 'boxes', 'unknown'],
    ]);
  });

  it('is not blind until the clock has caught up when that was set back, or forward and back', () => {
    const detector = new MotionDetector();
    const hour = 3_600_000;
    const times = [1000, 2000, 3000, hour, hour + 1000, hour + 2000, 4000, 5000, 6000].map(
      (t) => 10 * hour + t,
    );
    expect(times.map((at) => detector.look('a', at, grid(10)).kind)).toEqual([
      ...['unknown', 'unknown', 'boxes'],
      ...['unknown', 'unknown', 'boxes'],
      ...['unknown', 'unknown', 'boxes'],
    ]);
  });

  it('keeps cameras apart and remembers a bounded number of them', () => {
    const detector = new MotionDetector();
    for (let second = 0; second < 3; second++) {
      for (let camera = 0; camera < 256; camera++) {
        expect(detector.look(`c${camera}`, second * 1000, grid(camera)).kind).toBe(
          second < 2 ? 'unknown' : 'boxes',
        );
      }
    }
    detector.look('one-more', 3000, grid(1));
    expect(detector.look('c255', 3000, grid(255)).kind).toBe('boxes');
    expect(detector.look('c0', 3000, grid(0)).kind).toBe('unknown');
  });
});
