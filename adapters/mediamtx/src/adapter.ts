import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { MediaCore, StatusBoard } from '@opennvr/media';
import { MediaServiceService } from '@opennvr/proto/opennvr/media/v1/media';
import { type ProcessContext, serveUnix, service, unary } from '@opennvr/service';
import { layout } from './config.ts';
import { ControlApi } from './control-api.ts';
import { MediaMtx } from './engine.ts';
import { Live } from './live.ts';
import { type LogLine, secretMask } from './log-lines.ts';
import { Plan } from './plan.ts';
import { rtspProbe } from './probe.ts';
import { Prober } from './prober.ts';
import { basicAuthorization, loadSecrets } from './secrets.ts';
import { SegmentWatch } from './segments.ts';
import type { Settings } from './settings.ts';
import { forbiddenSockets, listeners } from './socket-policy.ts';
import { openSockets } from './sockets.ts';
import { CameraAddresses, strangers } from './strangers.ts';
import { Supervisor } from './supervisor.ts';
import { UnixHttp } from './unix-http.ts';
import {
  compareVersions,
  findVersion,
  formatVersion,
  NEWEST_KNOWN,
  programPath,
  type Version,
} from './version.ts';

const MAX_PROBES = 128;
const START_MS = 15_000;
/** From here on the control API tells the size of pictures. */
const API_HAS_SIZES: Version = [1, 17, 0];

/** Puts the parts together and serves `MediaService`. Returns a one-line status. */
export async function startAdapter(settings: Settings, context: ProcessContext): Promise<string> {
  const { clock, log, onStop } = context;
  const { manage } = settings.mediamtx;
  const bin = programPath(settings.mediamtx.bin);
  const version = await findVersion(bin);
  if (compareVersions(version, NEWEST_KNOWN) > 0)
    log.warn(
      `MediaMTX ${formatVersion(version)} is newer than ${formatVersion(NEWEST_KNOWN)}, the newest that was tested: using its keys`,
    );
  const paths = layout(settings);
  mkdirSync(settings.runDir, { recursive: true, mode: 0o750 });
  const secrets = await loadSecrets(paths.secrets, randomBytes);
  const plan = new Plan(settings, secrets, version);
  const api = new ControlApi(paths.apiSocket, secrets.api);
  const whep = new UnixHttp(paths.whepSocket, basicAuthorization(secrets.reader));
  // Runs last: sessions that end at our own end still have to be told to MediaMTX.
  onStop(() => {
    api.close();
    whep.close();
  });
  const board = new StatusBoard(clock);
  const live = new Live(whep, api);
  const prober = new Prober(rtspProbe(clock, Math.random), MAX_PROBES, clock);
  const readUrl = (cameraId: string) => ({
    url: `rtsp://${settings.rtsp.host}:${settings.rtsp.port}/${cameraId}`,
    ...secrets.reader,
  });
  const own = new Prober(rtspProbe(clock, Math.random), 4, clock);
  const describe = (id: string) =>
    own.ask({ ...readUrl(id), id, transport: 1, tlsFingerprint: '', record: false });

  const fatal = (error: Error) => {
    log.fatal({ err: error }, 'stopping MediaMTX');
    supervisor.condemn().finally(() => process.exit(1));
  };
  const sockets = () => (supervisor.run ? openSockets(supervisor.run.pid) : []);
  const addresses = new CameraAddresses();
  const engine = new MediaMtx({
    clock,
    log,
    random: Math.random,
    board,
    plan,
    api,
    live,
    prober,
    segments: new SegmentWatch(settings.recordingsDir, settings.partMs),
    readUrl,
    describe: compareVersions(version, API_HAS_SIZES) < 0 ? describe : undefined,
    misled: async (online) => {
      await addresses.refresh(plan.cameras, clock.monotonic());
      const { peers, misled } = strangers(sockets(), settings.rtsp.port, plan.cameras, online, addresses);
      if (peers.length > 0)
        log.warn({ peers: peers.slice(0, 8) }, 'MediaMTX is connected to somebody who is no camera');
      return misled;
    },
    forbidden: () => forbiddenSockets(sockets(), settings, version, plan.cameras),
    onFatal: fatal,
  });
  const onLine = (line: LogLine) => {
    const passwords = plan.cameras.map((camera) => camera.password);
    const text = secretMask([...passwords, secrets.api.password, secrets.reader.password])(line.text);
    engine.logged({ ...line, text });
    log[line.level]({ from: 'mediamtx', camera: line.path }, text);
  };
  const supervisor = new Supervisor({
    bin,
    configPath: paths.config,
    logPath: paths.log,
    manage,
    clock,
    log,
    onLine,
    onRun: () => engine.engineChanged(),
  });
  const core = new MediaCore({
    clock,
    board,
    engine,
    store: engine,
    newId: randomUUID,
    onError: (error, doing) => log.error({ err: error }, doing),
  });

  const count = await core.restore();
  onStop(() => supervisor.stop());
  await supervisor.start();
  engine.start();
  onStop(() => engine.stop());
  if (!(await engine.ready(START_MS))) log.error('MediaMTX does not answer yet');
  const server = await serveUnix(settings.socketPath, [
    service('opennvr.media.v1.MediaService', MediaServiceService, {
      applyCameras: unary((request: Parameters<MediaCore['applyCameras']>[0]) => core.applyCameras(request)),
      watchCameras: (call: Parameters<MediaCore['watchCameras']>[0]) => core.watchCameras(call),
      readUrl: unary((request: { cameraId: string }) => core.readUrl(request)),
      openLive: unary((request: Parameters<MediaCore['openLive']>[0]) => core.openLive(request)),
      renewLive: unary((request: Parameters<MediaCore['renewLive']>[0]) => core.renewLive(request)),
      closeLive: unary((request: { sessionId: string }) => {
        core.closeLive(request);
        return {};
      }),
      getEngine: unary(() => ({
        name: 'mediamtx',
        version: formatVersion(version),
        listeners: listeners(sockets(), settings, version),
      })),
    }),
  ]);
  onStop(() => server.close());
  onStop(() => core.close());
  return `MediaMTX ${formatVersion(version)} with ${count} cameras`;
}
