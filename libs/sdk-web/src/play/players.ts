/**
 * The players of a room: one peer connection, and one more for each further relay node that carries a stream.
 * A stream goes from one player to the next until one of them reaches it; the last is always a new one, which can reach any node.
 */
import { Code, failure } from "../errors";
import type { ZegoPlayerState, ZegoWebPlayOption } from "../entities";
import type { Kind } from "../negotiation/transceiver-pool";
import type { TransportContext } from "../negotiation/flow";
import type { StreamEntry } from "../generated/contract";
import { Player, type Playback } from "./player";

export class Players {
  private readonly players: Player[] = [];
  private closed = false;

  constructor(
    private readonly context: TransportContext,
    private readonly onChange: (state: ZegoPlayerState) => void,
    private readonly findStream: (streamID: string) => StreamEntry | undefined,
  ) {
    this.addPlayer();
  }

  get all(): readonly Player[] {
    return this.players;
  }

  get list(): readonly Playback[] {
    return this.players.flatMap((player) => player.list);
  }

  /** The player that plays the stream. */
  playerOf(streamID: string): Player | undefined {
    return this.players.find((player) => player.find(streamID) !== undefined);
  }

  find(streamID: string): Playback | undefined {
    return this.playerOf(streamID)?.find(streamID);
  }

  prepare(): void {
    this.players[0]!.prepare();
  }

  onServersKnown(): void {
    this.players[0]!.onServersKnown();
  }

  start(streamID: string, option: ZegoWebPlayOption, muted: Readonly<Record<Kind, boolean>>): Promise<MediaStream> {
    return this.players[0]!.start(streamID, option, muted);
  }

  stop(streamID: string): boolean {
    return this.playerOf(streamID)?.stop(streamID) ?? false;
  }

  async mute(streamID: string, kind: Kind, mute: boolean): Promise<boolean> {
    return this.playerOf(streamID)?.mute(streamID, kind, mute) ?? false;
  }

  mediaChanged(streamID: string): void {
    this.playerOf(streamID)?.mediaChanged(streamID);
  }

  onTransportLost(transportID: string): void {
    for (const player of this.players) player.onTransportLost(transportID);
  }

  rebuild(): void {
    for (const player of this.players) player.rebuild();
  }

  recover(): void {
    for (const player of this.players) player.recover();
  }

  close(): void {
    this.closed = true;
    for (const player of this.players) player.close();
  }

  private addPlayer(): Player {
    const player = new Player(this.context, this.onChange, this.findStream, (playback) => this.handOver(playback, player));
    this.players.push(player);
    return player;
  }

  private handOver(playback: Playback, from: Player): void {
    if (this.closed) return playback.end(failure(Code.PLAY_INTERRUPTED, "the room was left"));
    const next = this.players[this.players.indexOf(from) + 1] ?? this.addPlayer();
    next.takeOver(playback);
  }
}
