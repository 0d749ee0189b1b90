import type { ActiveHoursPlan } from '../types.ts';

const MINUTE_MS = 60_000;
const WEEKDAYS: Record<string, number> = { Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6, Sun: 7 };

/**
 * Hours of the week by the clock on the wall. What counts is what that clock shows: an hour that it skips is never
 * there, one that it repeats is there twice.
 */
export class ActiveHours {
  readonly #plan: ActiveHoursPlan;
  readonly #format: Intl.DateTimeFormat;
  /** A look at the time zone's tables costs microseconds, and a minute has one answer. */
  #minute = Number.NaN;
  #active = false;

  constructor(plan: ActiveHoursPlan) {
    this.#plan = plan;
    const { timeZone } = plan;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  }

  /** @param wallMs milliseconds since the epoch */
  includes(wallMs: number): boolean {
    const minute = Math.floor(wallMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#active = this.#look(wallMs);
    }
    return this.#active;
  }

  #look(wallMs: number): boolean {
    const parts = Object.fromEntries(
      this.#format.formatToParts(wallMs).map(({ type, value }) => [type, value]),
    );
    const day = WEEKDAYS[parts.weekday ?? ''] ?? 0;
    const minute = Number(parts.hour) * 60 + Number(parts.minute);
    const before = day === 1 ? 7 : day - 1;
    return this.#plan.windows.some(({ weekdays, start, end }) => {
      const on = (weekday: number) => weekdays.length === 0 || weekdays.includes(weekday);
      if (end > start) return on(day) && minute >= start && minute < end;
      return (on(day) && minute >= start) || (on(before) && minute < end);
    });
  }
}
