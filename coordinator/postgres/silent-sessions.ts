import { quoted } from './quoted.ts';

/**
 * Ends sessions that have written to the fence and wait for the rest of what their client was sending. A line that goes silent
 * amid a commit leaves one there, for hours where the server's keep-alive is left as it is, and whoever writes next waits behind
 * it. Its transaction is rolled back. The age is by the server's own clock: who is just sending is let be.
 */
export function endSilentSessions(schema: string): string {
  return `
    SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE datname = current_database() AND relation = to_regclass('${quoted(schema)}.fence') AND granted
      AND mode = 'RowExclusiveLock' AND usename = current_user AND wait_event = 'ClientRead'
      AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '1 second'`;
}
