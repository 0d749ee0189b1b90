import { join } from 'node:path';
import type { CameraSpec } from '@opennvr/media';
import { keysFor } from './config-keys.ts';
import { hashed, type Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';
import { sourceUrl } from './source-url.ts';
import { udpBufferBytes } from './udp-buffer.ts';
import type { Version } from './version.ts';

/**
 * MediaMTX follows redirects, credentials in hand. `redirects`: the camera told us to look elsewhere when we asked.
 * `caught`: it told us nothing, but MediaMTX was found connected to somebody else.
 */
export type Held = '' | 'redirects' | 'caught';

/** A camera together with what we found out about it. */
export interface PlannedCamera extends CameraSpec {
  /** Why MediaMTX is not told of it; '' when it is. */
  held: Held;
  /** What MediaMTX is told to use. Differs from `transport` only where that leaves the choice to us. */
  via: 'tcp' | 'udp';
}

/** The settings of one of MediaMTX's paths, as its control API also reports them. */
export interface PathConfig {
  source: string;
  sourceFingerprint: string;
  rtspTransport: 'tcp' | 'udp';
  record: boolean;
}

/** UDP ports that RTP from cameras may arrive at: 256 cameras, four tracks, RTP and RTCP, and room to choose. */
export const RTP_PORTS = [40_000, 44_095] as const;

/** Where things are that both sides have to agree on. */
export function layout(settings: Pick<Settings, 'stateDir' | 'runDir'>) {
  return {
    config: join(settings.stateDir, 'mediamtx.yml'),
    secrets: join(settings.stateDir, 'mediamtx-users.json'),
    apiSocket: join(settings.runDir, 'api.sock'),
    whepSocket: join(settings.runDir, 'whep.sock'),
    log: join(settings.runDir, 'mediamtx.log'),
  };
}

/** What MediaMTX is to do for each camera, by path name. */
export function pathConfigs(cameras: readonly PlannedCamera[]): Map<string, PathConfig> {
  return new Map(
    cameras
      .filter((camera) => camera.held === '')
      .map((camera) => [
        camera.id,
        {
          source: sourceUrl(camera),
          sourceFingerprint: camera.tlsFingerprint,
          rtspTransport: camera.via,
          record: camera.record,
        },
      ]),
  );
}

/**
 * MediaMTX's whole configuration: what starts with it alone records. It is written as JSON, which YAML contains
 * (YAML 1.2 section 1.3): every string is quoted, so none becomes a boolean (`no` would). Our own knowledge of the
 * cameras stands in comments on top, so that credentials are in this one file and nowhere else.
 */
export function renderConfig(
  settings: Settings,
  secrets: Secrets,
  version: Version,
  cameras: readonly PlannedCamera[],
): string {
  const document = {
    ...keysFor(version, globalKeys(settings, secrets)),
    pathDefaults: keysFor(version, pathDefaults(settings)),
    paths: Object.fromEntries(pathConfigs(cameras)),
  };
  return [
    HEADER,
    ...cameras.map((camera) => `${CAMERA_COMMENT}${asciiJson(camera)}`),
    JSON.stringify(document, undefined, 1),
    '',
  ].join('\n');
}

function globalKeys(settings: Settings, secrets: Secrets): Record<string, unknown> {
  const { apiSocket, whepSocket } = layout(settings);
  const { rtsp, webrtc } = settings;
  return {
    // At "debug", RTSP requests with their credentials are logged.
    logLevel: 'info',
    logDestinations: ['stdout'],
    dumpPackets: false,
    // A queue that is full drops packets; 512 is one I-frame of a 4K camera.
    writeQueueSize: 4096,
    udpReadBufferSize: udpBufferBytes(),
    authMethod: 'internal',
    authInternalUsers: [
      // No `ips`: who comes over a unix socket has no address, and the default rule for localhost does not match.
      internalUser(secrets.api, 'api'),
      internalUser(secrets.reader, 'read'),
    ],
    api: true,
    apiAddress: `unix://${apiSocket}`,
    apiAllowOrigin: '',
    apiAllowOrigins: [],
    metrics: false,
    pprof: false,
    playback: false,
    rtsp: true,
    rtspTransports: ['tcp'],
    rtspEncryption: 'no',
    rtspAddress: `${rtsp.host}:${rtsp.port}`,
    rtspAuthMethods: ['basic'],
    rtmp: false,
    hls: false,
    webrtc: true,
    webrtcAddress: `unix://${whepSocket}`,
    webrtcAllowOrigin: '',
    webrtcAllowOrigins: [],
    webrtcLocalUDPAddress: `:${webrtc.udpPort}`,
    webrtcLocalTCPAddress: '',
    // With an empty list it would tell browsers the addresses of every interface, the cameras' one among them.
    webrtcIPsFromInterfaces: webrtc.interfaces.length > 0,
    webrtcIPsFromInterfacesList: webrtc.interfaces,
    // MediaMTX does not start without anything to tell.
    webrtcAdditionalHosts:
      webrtc.hosts.length + webrtc.interfaces.length === 0 ? ['127.0.0.1'] : webrtc.hosts,
    webrtcICEServers2: [],
    srt: false,
    moq: false,
  };
}

function internalUser(user: Secrets['api'], action: 'api' | 'read') {
  return { user: hashed(user.username), pass: hashed(user.password), ips: [], permissions: [{ action }] };
}

function pathDefaults(settings: Settings): Record<string, unknown> {
  return {
    sourceOnDemand: false,
    overridePublisher: false,
    alwaysAvailable: false,
    forward: [],
    rtspAnyPort: false,
    rtspUDPReadBufferSize: udpBufferBytes(),
    rtspUDPSourcePortRange: RTP_PORTS,
    record: false,
    // Epoch seconds: local time would repeat an hour every autumn.
    recordPath: join(settings.recordingsDir, '%path', '%s-%f'),
    recordFormat: 'fmp4',
    recordPartDuration: `${settings.partMs}ms`,
    recordMaxPartSize: '50M',
    recordSegmentDuration: `${settings.segmentSeconds}s`,
    // Deleting is the manager's; MediaMTX also walks the whole archive to find what is old.
    recordDeleteAfter: '0s',
  };
}

/** First line of a file of ours; no other file is overwritten. */
export const HEADER = '# Written by opennvr-media-mediamtx; changes made here are lost.';
const CAMERA_COMMENT = '# camera ';

/** JSON in ASCII: YAML ends a comment at U+0085, U+2028 and U+2029, and a password may hold those. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The comments of {@link renderConfig}, unchecked. @throws SyntaxError without the text it failed on. */
export function readCameraComments(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(CAMERA_COMMENT))
    .map((line, index) => {
      try {
        return JSON.parse(line.slice(CAMERA_COMMENT.length)) as unknown;
      } catch {
        throw new SyntaxError(`camera ${index}: not JSON`);
      }
    });
}
