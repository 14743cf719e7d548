import { piecesOf } from '../harness/pieces.ts';

export type { Piece } from '../harness/pieces.ts';
export const { measurePiece, keptPiece } = piecesOf('rotation');
