import { ok, type Result, refuse } from '../../../base/fault.ts';

export const featureRowsArchitecture = 'feature-rows-autoencoder/1';

/** One row of features, as its source has it. */
export type FeatureRow = Readonly<{
  /** What kind of traffic or process it is of, at most 128 characters: alerts have a threshold for each. */
  group: string;
  /** Column to text. */
  fields: Readonly<Record<string, string>>;
}>;

const fieldsMax = 1_024;

/** JSON: columns are known by their names, and models read those that they know. */
export function encodeRow(row: FeatureRow): Buffer {
  return Buffer.from(JSON.stringify([row.group, row.fields]));
}

export function decodeRow(bytes: Uint8Array): Result<FeatureRow, 'EXAMPLE_MALFORMED'> {
  try {
    const [group, fields] = JSON.parse(Buffer.from(bytes).toString('utf8')) as [unknown, unknown];
    if (typeof group === 'string' && typeof fields === 'object' && fields !== null) {
      const all = Object.entries(fields);
      if (all.length <= fieldsMax && all.every(([, text]) => typeof text === 'string')) {
        return ok({ group, fields: fields as Readonly<Record<string, string>> });
      }
    }
  } catch {
    // Refused below.
  }
  return refuse('EXAMPLE_MALFORMED', `feature row: ${bytes.length} bytes that this build did not write`);
}
