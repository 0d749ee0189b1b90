import { describe, expect, test } from 'vitest';
import { ActiveHours } from '../src/inference/active-hours.ts';

const at = (iso: string) => Date.parse(iso);
const hours = (timeZone: string, ...windows: [number, number, number[]?][]) =>
  new ActiveHours({
    timeZone,
    windows: windows.map(([start, end, weekdays = []]) => ({ start, end, weekdays })),
  });
const H = 60;

describe('active hours', () => {
  test('begin with their first minute and end before their last', () => {
    const office = hours('UTC', [9 * H, 17 * H]);
    expect(office.includes(at('2026-03-04T08:59:59.999Z'))).toBe(false);
    expect(office.includes(at('2026-03-04T09:00:00Z'))).toBe(true);
    expect(office.includes(at('2026-03-04T16:59:59.999Z'))).toBe(true);
    expect(office.includes(at('2026-03-04T17:00:00Z'))).toBe(false);
  });

  test('past midnight belong to the day they began on', () => {
    // 2026-03-06 is a Friday.
    const fridayNight = hours('UTC', [22 * H, 6 * H, [5]]);
    expect(fridayNight.includes(at('2026-03-06T05:00:00Z'))).toBe(false);
    expect(fridayNight.includes(at('2026-03-06T22:00:00Z'))).toBe(true);
    expect(fridayNight.includes(at('2026-03-07T05:59:00Z'))).toBe(true);
    expect(fridayNight.includes(at('2026-03-07T06:00:00Z'))).toBe(false);
    expect(fridayNight.includes(at('2026-03-07T22:00:00Z'))).toBe(false);
    // Sunday to Monday is where the week wraps.
    const sundayNight = hours('UTC', [22 * H, 6 * H, [7]]);
    expect(sundayNight.includes(at('2026-03-09T05:00:00Z'))).toBe(true);
    expect(sundayNight.includes(at('2026-03-10T05:00:00Z'))).toBe(false);
  });

  test('may be whole days, and the same minute twice is a whole day', () => {
    expect(hours('UTC', [0, 24 * H]).includes(at('2026-03-04T23:59:59Z'))).toBe(true);
    const round = hours('UTC', [8 * H, 8 * H]);
    for (const hour of ['00', '07', '08', '23'])
      expect(round.includes(at(`2026-03-04T${hour}:30:00Z`))).toBe(true);
  });

  test('follow the clock on the wall of their time zone', () => {
    const tokyo = hours('Asia/Tokyo', [9 * H, 10 * H]);
    expect(tokyo.includes(at('2026-03-04T00:30:00Z'))).toBe(true);
    expect(tokyo.includes(at('2026-03-04T09:30:00Z'))).toBe(false);
    const kathmandu = hours('Asia/Kathmandu', [6 * H, 6 * H + 1]);
    expect(kathmandu.includes(at('2026-03-04T00:15:30Z'))).toBe(true);
  });

  test('are an hour shorter or longer when the clock changes', () => {
    const berlin = hours('Europe/Berlin', [1 * H, 4 * H]);
    const active = (from: string) =>
      Array.from({ length: 12 * 60 }, (_, minute) => at(from) + minute * 60_000).filter((ms) =>
        berlin.includes(ms),
      ).length;
    expect(active('2026-03-10T22:00:00Z')).toBe(3 * H);
    // 29 March 2026: 2:00 becomes 3:00. 25 October: 3:00 becomes 2:00.
    expect(active('2026-03-28T22:00:00Z')).toBe(2 * H);
    expect(active('2026-10-24T22:00:00Z')).toBe(4 * H);
    const skipped = hours('Europe/Berlin', [2 * H, 3 * H]);
    for (let minute = 0; minute < 24 * H; minute++)
      expect(skipped.includes(at('2026-03-28T23:00:00Z') + minute * 60_000)).toBe(false);
  });

  test('are looked up anew when the clock steps back', () => {
    const office = hours('UTC', [9 * H, 17 * H]);
    expect(office.includes(at('2026-03-04T09:00:00Z'))).toBe(true);
    expect(office.includes(at('2026-03-04T08:00:00Z'))).toBe(false);
    expect(office.includes(at('2026-03-04T09:00:00Z'))).toBe(true);
  });
});
