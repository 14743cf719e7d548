import { isoTimeMs, utcTimeMs } from '../../../base/text/iso-time.ts';
import { isPlausibleTime } from '../../events/plausible-time.ts';
import { type CsvHeader, textAt } from './csv-row.ts';
import {
  addressed,
  type CsvFlowOptions,
  type CsvLayout,
  type CsvReader,
  normalLabel,
  protocolOf,
  volumes,
} from './layout.ts';

/** CICFlowMeter, in its spellings of 2017 and since: durations in microseconds, times in UTC. */
function cicFlowMeter(header: CsvHeader, { addresses }: CsvFlowOptions): CsvReader {
  const columns = {
    source: header.column('Src IP', 'Source IP'),
    sourcePort: header.column('Src Port', 'Source Port'),
    destination: header.column('Dst IP', 'Destination IP'),
    destinationPort: header.column('Dst Port', 'Destination Port'),
  };
  const protocol = header.column('Protocol');
  const time = header.column('Timestamp');
  const label = header.column('Scenario', 'Label');
  const first = (...names: string[]) => header.names[header.column(...names)] ?? '';
  const volumeOf = volumes(
    header,
    [
      first('Total Length of Fwd Packet', 'Total Length of Fwd Packets', 'TotLen Fwd Pkts'),
      first('Total Length of Bwd Packet', 'Total Length of Bwd Packets', 'TotLen Bwd Pkts'),
      first('Total Fwd Packet', 'Total Fwd Packets', 'Tot Fwd Pkts'),
      first('Total Bwd packets', 'Total Backward Packets', 'Tot Bwd Pkts'),
    ],
    header.column('Flow Duration'),
    1e-3,
  );
  return (fields) => {
    const atMs = timeOf(textAt(fields, time));
    // Data sets of this meter hold rows of 1970, in which its clock was not read.
    if (!isPlausibleTime(atMs)) return 'BAD_TIME';
    return addressed(fields, columns, addresses, {
      atMs,
      protocol: protocolOf(textAt(fields, protocol)),
      volume: volumeOf(fields),
      label: normalLabel(textAt(fields, label)),
    });
  };
}

/** "2023-03-09 01:01:19.073584" and "05/07/2017 08:42:07 AM" (day first), both as UTC. */
function timeOf(text: string): number {
  // The commoner of both, told without an expression.
  if (text[4] === '-') return isoTimeMs(text, { zoneless: 'utc' });
  const dayFirst = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([AP])M)?$/i.exec(text);
  if (dayFirst === null) return Number.NaN;
  const [day, month, year, hour, minute, second] = dayFirst.slice(1, 7).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const half = dayFirst[7]?.toUpperCase();
  const hours = half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0);
  return utcTimeMs(year, month, day, hours, minute, second);
}

export const cicFlowMeterLayouts: readonly CsvLayout[] = [
  { needs: ['Src IP', 'Dst IP', 'Dst Port', 'Timestamp'], open: cicFlowMeter },
  { needs: ['Source IP', 'Destination IP', 'Destination Port', 'Timestamp'], open: cicFlowMeter },
];
