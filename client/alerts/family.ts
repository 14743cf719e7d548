import { isFamily } from '../../proto/antibody.ts';
import type { Alert } from '../scoring/alert.ts';

/** What an alert is called whose attack nobody has named. */
const unnamed = 'unusual';

/** What the attack is called that an antibody knew it by, or what the track itself found; `unusual` where neither says it. */
export function familyOf({ detail }: Pick<Alert, 'detail'>): string {
  const { family } = (detail.antibody ?? {}) as Readonly<{ family?: unknown }>;
  return [family, detail.finding].find(isFamily) ?? unnamed;
}
