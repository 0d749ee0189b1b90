import { type LiveSession, MediaError } from '@opennvr/media';
import type { ControlApi } from './control-api.ts';
import type { UnixHttp } from './unix-http.ts';

interface Session {
  location: string;
  onEnd: () => void;
}

/** Where a WHEP session lives: the path MediaMTX answers with. */
const LOCATION = /^\/[a-z0-9][a-z0-9_-]{0,62}\/whep\/[0-9a-f-]{36}$/;
const ID = /^[0-9a-f-]{36}$/;

/** WHEP sessions (draft-ietf-wish-whep) at MediaMTX's unix socket. */
export class Live {
  readonly #whep: UnixHttp;
  readonly #api: ControlApi;
  readonly #sessions = new Map<string, Session>();
  #opening = 0;

  constructor(whep: UnixHttp, api: ControlApi) {
    this.#whep = whep;
    this.#api = api;
  }

  /** @throws MediaError UNAVAILABLE when there is no stream, INVALID_ARGUMENT for an offer MediaMTX cannot answer. */
  async open(cameraId: string, offerSdp: string, onEnd: () => void): Promise<LiveSession> {
    this.#opening += 1;
    try {
      const reply = await this.#whep.call({
        method: 'POST',
        path: `/${cameraId}/whep`,
        body: offerSdp,
        contentType: 'application/sdp',
      });
      if (reply.status === 404) throw new MediaError('unavailable', `camera ${cameraId} has no stream`);
      if (reply.status === 400 || reply.status === 406)
        throw new MediaError('invalid', 'offer_sdp: MediaMTX cannot answer this offer');
      const { location = '', id } = reply.headers;
      if (reply.status !== 201 || !LOCATION.test(location) || typeof id !== 'string' || !ID.test(id))
        throw new MediaError('unavailable', `MediaMTX answered the offer with status ${reply.status}`);
      this.#sessions.set(id, { location, onEnd });
      return { answerSdp: reply.body, close: () => this.#close(id, location) };
    } finally {
      this.#opening -= 1;
    }
  }

  /** Notices sessions that ended by themselves, and ends those nobody holds a lease for. */
  async check(): Promise<void> {
    // While an offer is being answered, its session exists and we do not know its id yet.
    if (this.#opening > 0) return;
    const known = [...this.#sessions];
    const there = new Set(await this.#api.webrtcSessions());
    if (this.#opening > 0) return;
    for (const [id, session] of known) {
      if (!there.has(id) && this.#sessions.delete(id)) session.onEnd();
    }
    for (const id of there) if (!this.#sessions.has(id)) await this.#api.kickWebrtc(id);
  }

  /** MediaMTX is gone, and all sessions with it. */
  lost(): void {
    for (const [id, session] of [...this.#sessions]) {
      this.#sessions.delete(id);
      session.onEnd();
    }
  }

  async #close(id: string, location: string): Promise<void> {
    if (!this.#sessions.delete(id)) return;
    const reply = await this.#whep.call({ method: 'DELETE', path: location });
    if (reply.status !== 200 && reply.status !== 404) await this.#api.kickWebrtc(id);
  }
}
