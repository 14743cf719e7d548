/**
 * What the cases of theupdateframework/tuf-conformance ask, by their names there, and what becomes of each here. Facts
 * about its tests; none of its code. `tuf-conformance.test.ts` runs those that apply, docs/tuf-conformance.md lists all.
 */
export type TufCase = Readonly<{
  /** File and test there. */
  name: string;
  /** Variants with different parameters. */
  variants: number;
  /** `same`: as the case asks. `stricter`: refused or kept back where the case goes on a piece further. */
  here: 'same' | 'stricter' | 'does not apply';
  why: string;
}>;

const whole =
  'pieces are kept as a whole set or not at all: where the case keeps a newer timestamp beside an older snapshot, nothing is kept';
const delivered =
  'a set is delivered, not asked for piece by piece: what does not fit is refused rather than not fetched';
const noDelegation = 'release metadata has no delegations: a catalogue that holds one is read without it';

const of = (file: string, here: TufCase['here'], rows: readonly (readonly [string, string, number?])[]) =>
  rows.map(([test, why, variants = 1]): TufCase => ({ name: `${file}: ${test}`, variants, here, why }));

export const tufCases: readonly TufCase[] = [
  ...of('basic', 'same', [
    ['init_and_refresh', 'versions 1 of all roles are trusted'],
    ['invalid_initial_root', 'no trust is anchored in it'],
    ['unsigned_initial_root', 'no trust is anchored in it'],
    ['custom_fields', 'kept under the signature; a key with one more member has another id, as TUF 4.2 computes it'],
  ]),
  ...of('basic', 'stricter', [
    ['unsigned_metadata', whole, 4],
    [
      'timestamp_content_changes',
      'the old one is kept, and the other one of the same version is told as METADATA_EQUIVOCATED',
    ],
    ['metadata_hash_support', whole],
    ['new_targets_version_mismatch', delivered],
  ]),
  ...of('basic', 'does not apply', [['implicit_refresh', 'an agent asks for no release by name before it has walked']]),
  ...of('keys', 'same', [
    ['root_has_keys_but_not_snapshot', 'only signatures on the snapshot itself count'],
    ['wrong_hashing_algorithm', 'an unknown member of a key is signed with it and means nothing'],
    ['snapshot_threshold', 'a role below its threshold signs nothing'],
  ]),
  ...of('keys', 'stricter', [['duplicate_keys_root', 'one key under two ids makes the whole root illegal']]),
  ...of('rollback', 'same', [
    ['new_timestamp_version_rollback', 'METADATA_ROLLED_BACK'],
    ['snapshot_rollback', 'with hashes alone: pointers always have them', 2],
    ['new_targets_fast_forward_recovery', 'by rotating the release key, whose versions they are: see docs/releases.md'],
    ['new_snapshot_fast_forward_recovery', 'by rotating keys of snapshot and timestamp'],
    ['new_timestamp_fast_forward_recovery', 'by rotating the key of the timestamp'],
  ]),
  ...of('rollback', 'stricter', [
    ['simple_snapshot_rollback', delivered],
    ['new_snapshot_version_mismatch', whole],
    ['targets_rollback', whole, 2],
  ]),
  ...of('expiration', 'same', [
    ['root_expired', 'the root is kept, nothing below it follows'],
    ['snapshot_expired', 'METADATA_EXPIRED'],
    ['targets_expired', 'METADATA_EXPIRED'],
    ['expired_metadata', 'what is trusted may have expired when the next set comes'],
    ['timestamp_expired', 'METADATA_EXPIRED'],
  ]),
  ...of('file_download', 'same', [
    ['client_downloads_expected_file', 'a release is a manifest by length and digest, and its files by theirs'],
    ['repository_substitutes_target_file', 'MANIFEST_INVALID'],
    ['multiple_changes_to_target', 'each version is another target; none is ever changed'],
  ]),
  ...of('file_download', 'does not apply', [
    ['client_downloads_expected_file_in_sub_dir', 'paths of targets are made of track and version, and nothing else'],
  ]),
  ...of('updater_key_rotations', 'same', [
    ['root_rotation', 'every combination of keys, thresholds and signatures', 15],
    ['non_root_rotations', 'for timestamp, snapshot and targets', 10],
  ]),
  ...of('updater_delegation_graphs', 'does not apply', [
    ['graph_traversal', noDelegation, 12],
    ['targetfile_search', noDelegation, 5],
  ]),
  ...of('delegated_expiration', 'does not apply', [
    ['delegated_targets_expired', noDelegation],
    ['expired_local_delegated_targets', noDelegation],
    ['expired_local_delegated_targets_updates', noDelegation],
  ]),
  ...of('quoting_issues', 'does not apply', [['unusual_role_name', noDelegation, 4]]),
  ...of('static_repositories', 'does not apply', [
    ['static_repo', 'other tools’ repositories have no tracks, floors and pins, and other key types'],
  ]),
];

const sum = (here?: TufCase['here']) =>
  tufCases.filter((one) => here === undefined || one.here === here).reduce((all, { variants }) => all + variants, 0);

/** The text of docs/tuf-conformance.md. */
export function tufPage(): string {
  const rows = tufCases.map(({ name, variants, here, why }) => `| ${name} | ${variants} | ${here} | ${why} |`);
  return `# TUF's conformance cases

What theupdateframework/tuf-conformance asks of a client, written anew over our documents (\`proto/release/testing/tuf-repository.ts\`) and
our walk, without any of its code. Its command line cannot be served: our metadata comes as a whole set over gRPC, always has
hashes, canonical JSON, tracks, floors and pins, and no delegations. Of ${sum()} cases (variants counted) ${sum('same')} hold as they are;
${sum('stricter')} hold in a stricter form; ${sum('does not apply')} do not apply.

| case | variants | here | |
| --- | --- | --- | --- |
${rows.join('\n')}

Shown by \`proto/release/tuf-conformance.test.ts\`, which also holds this page to the list that it runs.
`;
}
