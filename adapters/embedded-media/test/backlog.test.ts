import { describe, expect, it } from 'vitest';
import { Backlog } from '../src/recorder/backlog.ts';
import type { Block } from '../src/recorder/format.ts';

const block = (time: number, kind: 'I' | 'P' | 'audio'): Block => ({
  track: kind === 'audio' ? 'audio' : 'video',
  time,
  arrived: time,
  keyframe: kind !== 'P',
  data: Buffer.alloc(100),
});

function filled(kinds: ('I' | 'P' | 'audio')[], max = 10_000): Backlog {
  const backlog = new Backlog(max);
  for (const [i, kind] of kinds.entries()) backlog.push(block(i, kind));
  return backlog;
}

describe('Backlog', () => {
  it('forgets a GOP once the next one is on disk, and not before', () => {
    const backlog = filled(['I', 'P', 'audio', 'P', 'I', 'P']);
    backlog.confirm(3);
    expect(backlog.blocks).toHaveLength(6);
    expect(backlog.unwritten).toBe(2);
    expect(backlog.next()?.time).toBe(4);
    backlog.confirm(1);
    expect(backlog.blocks.map((b) => b.time)).toEqual([4, 5]);
    expect(backlog.next()?.time).toBe(5);
  });

  it('has everything from the last keyframe on to write again after a rewind', () => {
    const backlog = filled(['I', 'P', 'I', 'P', 'P']);
    backlog.confirm(2);
    backlog.confirm(2);
    expect(backlog.rewind()).toEqual({ cutBack: true, lost: 0 });
    expect(backlog.blocks.map((b) => b.time)).toEqual([2, 3, 4]);
    expect(backlog.unwritten).toBe(3);
  });

  it('lets go of the beginning of an endless GOP, and then cannot write it again', () => {
    const backlog = filled(['I', 'P', 'P', 'P', 'P', 'I', 'P']);
    backlog.confirm(3);
    backlog.dropWritten();
    expect(backlog.blocks.map((b) => b.time)).toEqual([3, 4, 5, 6]);
    expect(backlog.rewind()).toEqual({ cutBack: false, lost: 2 });
    expect(backlog.blocks.map((b) => b.time)).toEqual([5, 6]);
    backlog.confirm(2);
    expect(backlog.rewind()).toEqual({ cutBack: true, lost: 0 });
  });

  it('makes room by whole GOPs and says what that cost', () => {
    const backlog = filled(['I', 'P', 'audio', 'I', 'P', 'I', 'P'], 450);
    expect(backlog.full).toBe(true);
    expect(backlog.makeRoom()).toBe(2);
    expect(backlog.blocks.map((b) => b.time)).toEqual([3, 4, 5, 6]);
    expect(backlog.full).toBe(false);
  });
});
