import { apiLayouts } from './api-requests.ts';
import { cicFlowMeterLayouts } from './cic-flow-meter.ts';
import { CsvHeader } from './csv-row.ts';
import type { CsvFlowOptions, CsvLayout, CsvReader } from './layout.ts';
import { microsecendLayout } from './microsecend.ts';
import { nezhaLayouts } from './nezha.ts';
import { nfdumpLayouts } from './nfdump.ts';
import { otrfLayout } from './otrf.ts';
import { recordedLayout } from './recorded.ts';
import { unswLayouts } from './unsw-nb15.ts';

const layouts: readonly CsvLayout[] = [
  recordedLayout,
  ...apiLayouts,
  ...unswLayouts,
  otrfLayout,
  ...nezhaLayouts,
  microsecendLayout,
  ...cicFlowMeterLayouts,
  ...nfdumpLayouts,
];

/** What UNSW-NB15's raw files hold: they come without a header. */
const unswColumns =
  'srcip,sport,dstip,dsport,proto,state,dur,sbytes,dbytes,sttl,dttl,sloss,dloss,service,Sload,Dload,Spkts,Dpkts,swin,dwin,stcpb,dtcpb,smeansz,dmeansz,trans_depth,res_bdy_len,Sjit,Djit,Stime,Ltime,Sintpkt,Dintpkt,tcprtt,synack,ackdat,is_sm_ips_ports,ct_state_ttl,ct_flw_http_mthd,is_ftp_login,ct_ftp_cmd,ct_srv_src,ct_srv_dst,ct_dst_ltm,ct_src_ltm,ct_src_dport_ltm,ct_dst_sport_ltm,ct_dst_src_ltm,attack_cat,Label'.split(
    ',',
  );

/** The reader of the rows under a header; undefined where no layout has these columns. */
export function readerUnder(fields: readonly string[], options: CsvFlowOptions): CsvReader | undefined {
  const header = new CsvHeader(fields);
  return layouts.find(({ needs }) => header.has(...needs))?.open(header, options);
}

/** The reader of a file that begins with a row instead of a header; undefined where that row is of no known width. */
export function readerWithoutHeader(fields: readonly string[], options: CsvFlowOptions): CsvReader | undefined {
  const looksRaw = fields.length === unswColumns.length && /^\d+\.\d+\.\d+\.\d+$/.test(fields[0] ?? '');
  return looksRaw ? readerUnder(unswColumns, options) : undefined;
}

/** Of the layout that a header comes nearest to, the columns it has and those it lacks; undefined where it has less than half of any. */
export function nearestLayout(
  fields: readonly string[],
): Readonly<Record<'has' | 'lacks', readonly string[]>> | undefined {
  const header = new CsvHeader(fields);
  const [nearest] = layouts
    .map(({ needs }) => ({
      has: needs.filter((name) => header.has(name)),
      lacks: needs.filter((name) => !header.has(name)),
    }))
    .filter(({ has, lacks }) => lacks.length > 0 && has.length >= lacks.length)
    .sort((a, b) => b.has.length / b.lacks.length - a.has.length / a.lacks.length);
  return nearest;
}
