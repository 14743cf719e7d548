/** Gates of an LSTM cell, in this order along the 4H axis: input, forget, candidate, output (as BlockLSTMV2 has them). */
export const gatesPerCell = 4;
