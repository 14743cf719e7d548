/** When a track's rounds open. Times of day are local to `timeZone`. */
export type ScheduleRules = Readonly<{
  /** Five or six cron fields: minute, hour, day of month, month, day of week; seconds first when there are six. */
  cron: string;
  /** An IANA name, such as "Europe/Stockholm". */
  timeZone: string;
  /** Windows in which no round opens; a run that falls into one opens when it ends. */
  blackouts: readonly Blackout[];
}>;

/** A window that comes back every week. `from` later than `to` runs over midnight into the next day. */
export type Blackout = Readonly<{
  /** 0 is Sunday; the days on which the window starts. Empty means every day. */
  days: readonly number[];
  /** "HH:MM", 00:00 to 23:59. */
  from: string;
  /** "HH:MM"; the window ends before it. */
  to: string;
}>;
