import { Command, Option } from '@commander-js/extra-typings';
import { decimalOf } from '../../base/text/number.ts';
import { jsonLine, listing, table, time } from '../../base/text/table.ts';
import { addSignatures, mergeSignatures, signedness } from '../../proto/release/co-sign.ts';
import { keyIdOf } from '../../proto/release/documents/key-id.ts';
import { type ReleaseRole, releaseRoles } from '../../proto/release/documents/root.ts';
import { followRoot } from '../../proto/release/follow-roots.ts';
import { signRoot } from '../../proto/release/sign.ts';
import { orExit, usage } from '../exit.ts';
import { newPinKey, pinKeyPair } from '../operator/pin-key.ts';
import { publicKeyFrom, type RootFile, readKey, readRoot, writeNew } from '../operator/root-files.ts';
import { complain, print } from '../print.ts';
import { nextRoot } from './root/next-root.ts';
import { prepareKeysCommand, publishRootCommand } from './root-publish.ts';

const dayMs = 86_400_000;

/** `testudo root`: whom agents trust. All but publish and keys work on files, on a machine without a network. */
export function rootCommand() {
  return new Command('root')
    .description('whose signatures agents trust: show, rotate, sign, merge offline; publish')
    .addCommand(newKey())
    .addCommand(show())
    .addCommand(rotate())
    .addCommand(sign())
    .addCommand(merge())
    .addCommand(prepareKeysCommand())
    .addCommand(publishRootCommand());
}

function newKey() {
  return new Command('new-key')
    .description('a key of your own for root or pins, in a new file; prints the public half')
    .argument('<file>', 'unencrypted PEM: keep it on something that can be locked away')
    .addOption(jsonOption())
    .action((file, { json }) => {
      const pem = newPinKey();
      writeNew(file, pem, 0o600);
      const { publicKey: bytes } = pinKeyPair(pem);
      const publicKey = Buffer.from(bytes).toString('hex');
      print(json ? jsonLine({ file, keyId: keyIdOf(bytes), publicKey }) : publicKey);
    });
}

function show() {
  return new Command('show')
    .description('what a root says, and who signed it')
    .argument('<file>', "a root, or the trust file beside an operator's credentials (operator.json.trust)")
    .addOption(new Option('--after <file>', 'the root before it: say whether this one may follow'))
    .addOption(jsonOption())
    .action((file, { after, json }) => {
      const shown = readRoot(file);
      const before = after === undefined ? undefined : readRoot(after);
      const rows = releaseRoles.flatMap((role) => {
        const { publicKeys, threshold } = shown.root.roles[role];
        return publicKeys.map((key) => ({
          role,
          threshold,
          keyId: keyIdOf(key),
          publicKey: Buffer.from(key).toString('hex'),
        }));
      });
      const missing = missingSignatures(shown, before);
      const follows = before && followRoot(before.root, shown.bytes);
      const { version, federation, expiresAtMs } = shown.root;
      if (json) {
        const may = follows && { follows: follows.ok && follows.value !== null };
        print(jsonLine({ federation, version, expiresAtMs, keys: rows, ...missing, ...may }));
        return;
      }
      const facts = { federation, version: String(version), expires: time(expiresAtMs), signed: signedText(missing) };
      print(listing({ ...facts, ...(follows && { follows: followsText(follows) }) }));
      print(
        table(rows, [
          { title: 'ROLE', text: ({ role }) => role },
          { title: 'THRESHOLD', text: ({ threshold }) => String(threshold), align: 'right' },
          { title: 'KEY ID', text: ({ keyId }) => keyId.slice(0, 16) },
          { title: 'PUBLIC KEY', text: ({ publicKey }) => publicKey },
        ]),
      );
    });
}

const jsonOption = () => new Option('--json', 'one JSON value, for programs');

/** What was written, for people or for programs. */
function sayWritten(file: string, version: number, missing: Missing, json: true | undefined): void {
  if (json) print(jsonLine({ version, file, ...missing }));
  else print(`root ${version} is in ${file}, signed ${signedText(missing)}`);
}

type Missing = Readonly<{ signedBy: readonly string[]; missingOwn: number; missingBefore: number | undefined }>;

function missingSignatures({ root, bytes }: RootFile, before: RootFile | undefined): Missing {
  const own = orExit(signedness(root, 'root', bytes));
  const old = before && orExit(signedness(before.root, 'root', bytes));
  const signedBy = [...new Set([...own.by, ...(old?.by ?? [])])];
  return { signedBy, missingOwn: own.missing, missingBefore: old?.missing };
}

function signedText({ signedBy, missingOwn, missingBefore = 0 }: Missing): string {
  const by = `by ${signedBy.map((id) => id.slice(0, 16)).join(', ') || 'nobody'}`;
  const lacks = [
    missingOwn > 0 ? `${missingOwn} more of its own root keys` : '',
    missingBefore > 0 ? `${missingBefore} more of the root keys before it` : '',
  ].filter((text) => text !== '');
  return lacks.length === 0 ? `${by}: enough` : `${by}; needs ${lacks.join(' and ')}`;
}

function followsText(follows: ReturnType<typeof followRoot>): string {
  if (!follows.ok) return `no: ${follows.fault.code}: ${follows.fault.message}`;
  return follows.value === null ? 'no: it is no newer' : 'yes';
}

function rotate() {
  return new Command('rotate')
    .description('write the root that follows, unsigned: the people whose keys it needs sign it')
    .argument('<file>', 'the root in force')
    .requiredOption('--out <file>', 'a new file')
    .option('--add <role=key...>', 'a public key (64 hexadecimal digits), or the file of its private key')
    .option('--remove <role=keyid...>', 'the first 8 or more digits of a key id')
    .option('--threshold <role=count...>', 'how many of a role have to sign')
    .option('--days <count>', 'until it expires', '730')
    .addOption(jsonOption())
    .action((file, options) => {
      const days = decimalOf(options.days);
      if (!Number.isSafeInteger(days) || days < 1 || days > 3_650) usage('--days: expected 1 to 3650');
      const thresholds = pairs(options.threshold).map(({ role, value }) => [role, decimalOf(value)] as const);
      const [add, remove] = [pairs(options.add), pairs(options.remove)];
      const before = readRoot(file);
      const next = orExit(
        nextRoot(before.root, {
          add: add.map(({ role, value }) => ({ role, publicKey: publicKeyFrom(value) })),
          remove: remove.map(({ role, value }) => ({ role, keyId: value })),
          thresholds: Object.fromEntries(thresholds),
          expiresAtMs: Math.floor(Date.now() / 1000) * 1000 + days * dayMs,
        }),
      );
      const bytes = signRoot(next, []);
      writeNew(options.out, bytes);
      sayWritten(options.out, next.version, missingSignatures({ root: next, bytes }, before), options.json);
    });
}

function sign() {
  return new Command('sign')
    .description('sign a root with keys of your own; look at it with show first')
    .argument('<file>')
    .requiredOption('--key <file...>', 'Ed25519 private keys, PEM')
    .requiredOption('--out <file>', 'a new file')
    .addOption(jsonOption())
    .action((file, { key, out, json }) => {
      const { root, bytes } = readRoot(file);
      const keys = key.map(readKey);
      const signed = orExit(addSignatures('root', bytes, keys));
      writeNew(out, signed);
      const missing = missingSignatures({ root, bytes: signed }, undefined);
      const others = keys.map(({ publicKey }) => keyIdOf(publicKey)).filter((id) => !missing.signedBy.includes(id));
      if (others.length > 0) {
        const ids = others.map((id) => id.slice(0, 16)).join(', ');
        complain(`signed too by ${ids}, which this root does not name for root: that counts where the one before does`);
      }
      sayWritten(out, root.version, missing, json);
    });
}

function merge() {
  return new Command('merge')
    .description('put together what several people signed apart')
    .argument('<file...>', 'copies of one root')
    .requiredOption('--after <file>', 'the root in force: its keys have to sign too')
    .requiredOption('--out <file>', 'a new file')
    .addOption(jsonOption())
    .action((files, { after, out, json }) => {
      const copies = files.map(readRoot);
      const before = readRoot(after);
      const root = copies[0]?.root ?? usage('expected one or more files');
      const bytes = orExit(
        mergeSignatures(
          'root',
          copies.map((copy) => copy.bytes),
          [before.root, root],
        ),
      );
      writeNew(out, bytes);
      sayWritten(out, root.version, missingSignatures({ root, bytes }, before), json);
    });
}

/** "role=value" of each. */
function pairs(given: readonly string[] = []): Readonly<{ role: ReleaseRole; value: string }>[] {
  return given.map((text) => {
    const at = text.indexOf('=');
    const role = releaseRoles.find((each) => each === text.slice(0, at));
    return role === undefined || at === text.length - 1
      ? usage(`expected ROLE=VALUE with a role of ${releaseRoles.join(', ')}; got ${text}`)
      : { role, value: text.slice(at + 1) };
  });
}
