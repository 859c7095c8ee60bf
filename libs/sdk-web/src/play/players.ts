/**
 * What plays in a room: one peer connection, and one more beside it for each further relay node that a stream turns out to live on.
 * A stream goes from one player to the next until one of them reaches it; the last is always a new one, which can reach any node.
 */
import { failure } from "../errors";
import { Code } from "../codes";
import type { ZegoPlayerState, ZegoWebPlayOption } from "../entities";
import type { Kind } from "../negotiation/slots";
import type { Wire } from "../negotiation/transport";
import type { StreamEntry } from "../generated/contract";
import { Player, type Playing } from "./player";

export class Players {
  private readonly players: Player[] = [];
  private closed = false;

  constructor(
    private readonly wire: Wire,
    private readonly tell: (state: ZegoPlayerState) => void,
    private readonly known: (streamID: string) => StreamEntry | undefined,
  ) {
    this.make();
  }

  get all(): readonly Player[] {
    return this.players;
  }

  get list(): readonly Playing[] {
    return this.players.flatMap((player) => player.list);
  }

  /** Who plays the stream. */
  holder(streamID: string): Player | undefined {
    return this.players.find((player) => player.find(streamID) !== undefined);
  }

  find(streamID: string): Playing | undefined {
    return this.holder(streamID)?.find(streamID);
  }

  prepare(): void {
    this.players[0]!.prepare();
  }

  configured(): void {
    this.players[0]!.configured();
  }

  start(streamID: string, option: ZegoWebPlayOption, muted: Readonly<Record<Kind, boolean>>): Promise<MediaStream> {
    return this.players[0]!.start(streamID, option, muted);
  }

  stop(streamID: string): boolean {
    return this.holder(streamID)?.stop(streamID) ?? false;
  }

  async mute(streamID: string, kind: Kind, mute: boolean): Promise<boolean> {
    return this.holder(streamID)?.mute(streamID, kind, mute) ?? false;
  }

  mediaChanged(streamID: string): void {
    this.holder(streamID)?.mediaChanged(streamID);
  }

  transportGone(transportID: string): void {
    for (const player of this.players) player.transportGone(transportID);
  }

  rebuild(): void {
    for (const player of this.players) player.rebuild();
  }

  revive(): void {
    for (const player of this.players) player.revive();
  }

  close(): void {
    this.closed = true;
    for (const player of this.players) player.close();
  }

  private make(): Player {
    const player = new Player(this.wire, this.tell, this.known, (playing) => this.pass(playing, player));
    this.players.push(player);
    return player;
  }

  private pass(playing: Playing, from: Player): void {
    if (this.closed) return playing.end(failure(Code.PLAY_INTERRUPTED, "the room was left"));
    const next = this.players[this.players.indexOf(from) + 1] ?? this.make();
    next.adopt(playing);
  }
}
