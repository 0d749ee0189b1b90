import type { WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { TapState } from '@opennvr/proto/opennvr/kaic/v1/kaic';

type Labels = Record<string, string>;
type Sample = readonly [labels: Labels, value: number];

interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: Sample[];
}

/**
 * kaic's status as Prometheus text (exposition format 0.0.4). Names and meanings: docs/operate/metrics.md.
 */
export function metricsText(status: WatchStatusResponse): string {
  return [...tapFamilies(status), ...adapterFamilies(status), ...storeFamilies(status)]
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}`),
        '',
      ].join('\n'),
    )
    .join('');
}

function tapFamilies({ taps }: WatchStatusResponse): Family[] {
  const per = (pick: (tap: WatchStatusResponse['taps'][number]) => number): Sample[] =>
    taps.map((tap) => [{ camera: tap.cameraId }, pick(tap)]);
  return [
    gauge(
      'tap_running',
      '1 while keyframes can come.',
      per(({ state }) => flag(state === TapState.TAP_STATE_RUNNING)),
    ),
    counter(
      'tap_keyframes_seen',
      'Keyframes that came.',
      per(({ keyframesSeen }) => keyframesSeen),
    ),
    counter(
      'tap_keyframes_stored',
      'Keyframes put into the frame store.',
      per(({ keyframesStored }) => keyframesStored),
    ),
    counter(
      'tap_packets_lost',
      'RTP packets that never came.',
      per(({ packetsLost }) => packetsLost),
    ),
    counter(
      'tap_received_bytes',
      'Bytes read from the media engine.',
      per(({ bytesReceived }) => bytesReceived),
    ),
  ];
}

function adapterFamilies({ adapters }: WatchStatusResponse): Family[] {
  type Adapter = (typeof adapters)[number];
  const per = (pick: (adapter: Adapter) => number): Sample[] =>
    adapters.map((adapter) => [{ adapter: adapter.name }, pick(adapter)]);
  const perCamera = (pick: (camera: Adapter['cameras'][number]) => number): Sample[] =>
    adapters.flatMap(({ name, cameras }) =>
      cameras.map((camera): Sample => [{ adapter: name, camera: camera.cameraId }, pick(camera)]),
    );
  const drops = adapters.flatMap(({ name, cameras }) =>
    cameras.flatMap((camera) =>
      camera.drops.map(
        ({ reason, count }): Sample => [{ adapter: name, camera: camera.cameraId, reason }, count],
      ),
    ),
  );
  const quantiles = adapters.flatMap(({ name, p50Ms, p99Ms }): Sample[] => [
    [{ adapter: name, quantile: '0.5' }, p50Ms / 1000],
    [{ adapter: name, quantile: '0.99' }, p99Ms / 1000],
  ]);
  const breakers = adapters.flatMap(({ name, breaker }) =>
    ['closed', 'half_open', 'open'].map(
      (state): Sample => [{ adapter: name, state }, flag(state === breaker)],
    ),
  );
  return [
    gauge(
      'adapter_connected',
      '1 while it is there and has described itself.',
      per((a) => flag(a.connected)),
    ),
    gauge('adapter_breaker', '1 for the state that the circuit breaker is in.', breakers),
    gauge(
      'adapter_in_flight',
      'Frames being looked at.',
      per((a) => a.inFlight),
    ),
    gauge(
      'adapter_queued',
      'Frames waiting.',
      per((a) => a.queued),
    ),
    gauge(
      'adapter_view_frames',
      'Frames in its view.',
      per((a) => a.viewFrames),
    ),
    gauge('adapter_latency_seconds', 'From a stored frame to its answer, over the newest 1024.', quantiles),
    counter(
      'adapter_results',
      'Answers.',
      perCamera((c) => c.results),
    ),
    counter(
      'adapter_timeouts',
      'Frames without an answer in time.',
      perCamera((c) => c.timeouts),
    ),
    counter(
      'adapter_errors',
      'Frames that ended in an error.',
      perCamera((c) => c.errors),
    ),
    counter(
      'adapter_filtered',
      'Detections outside of the region or too small.',
      perCamera((c) => c.filtered),
    ),
    counter(
      'adapter_inactive',
      'Frames outside of the active hours.',
      perCamera((c) => c.inactive),
    ),
    counter('adapter_dropped', 'Frames that were due and not looked at, by reason.', drops),
  ];
}

function storeFamilies({ frameStore, decoder }: WatchStatusResponse): Family[] {
  const one = (value: number): Sample[] => [[{}, value]];
  const store = frameStore && [
    gauge('frame_store_bytes', 'Bytes taken.', one(frameStore.bytes)),
    gauge('frame_store_cap_bytes', 'Bytes it never exceeds.', one(frameStore.capBytes)),
    gauge('frame_store_frames', 'Frames kept.', one(frameStore.frames)),
    gauge(
      'frame_store_pinned_bytes',
      'Bytes of deleted frames that readers hold.',
      one(frameStore.pinnedBytes),
    ),
    gauge('frame_store_view_bytes', 'Bytes that only views of adapters keep.', one(frameStore.viewBytes)),
    counter('frame_store_refused', 'Frames not stored because there was no room.', one(frameStore.refused)),
  ];
  const pictures = decoder && [
    gauge('decoder_connected', '1 while the decoder is there.', one(flag(decoder.connected))),
    counter('decoder_decoded', 'Pictures made.', one(decoder.decoded)),
    counter('decoder_failed', 'Pictures that could not be made.', one(decoder.failed)),
  ];
  return [...(store ?? []), ...(pictures ?? [])];
}

function counter(name: string, help: string, samples: Sample[]): Family {
  return { name: `opennvr_kaic_${name}_total`, type: 'counter', help, samples };
}

function gauge(name: string, help: string, samples: Sample[]): Family {
  return { name: `opennvr_kaic_${name}`, type: 'gauge', help, samples };
}

function flag(on: boolean): number {
  return on ? 1 : 0;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
