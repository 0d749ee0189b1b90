export { AccessUnitAssembler, type AssemblerOptions } from './assembler.ts';
export { RTP_HEADER_LENGTH, RtpHeader, readRtpHeader } from './header.ts';
export { DEFAULT_MTU, type PacketOptions, PacketWriter } from './packet-writer.ts';
export { packetizeAac } from './packetize-aac.ts';
export { Packetizer, type PacketizerOptions } from './packetizer.ts';
export type { AssemblerMode, AssemblerStats } from './picture.ts';
export { ReceiverReports, type ReceiverReportsOptions } from './receiver-reports.ts';
export { ReorderBuffer, type ReorderOptions, type ReorderStats } from './reorder.ts';
export { parseRtcp, type ReportBlock, type RtcpPacket, type SenderReport } from './rtcp.ts';
export {
  buildGoodbye,
  buildReceiverReport,
  buildSenderReport,
  type SenderReportInput,
} from './rtcp-write.ts';
export { sequenceDelta, timestampDelta } from './wrap.ts';
