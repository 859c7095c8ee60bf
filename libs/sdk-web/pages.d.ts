/** What the SDK's script gives to the pages, and what they leave on `window` for whoever looks into them from the console. */
import type * as sdk from "./src";

declare global {
  var ZegoExpressEngine: typeof sdk.ZegoExpressEngine;
  interface Window {
    zg?: sdk.ZegoExpressEngine;
    replay?: sdk.ZegoReplay;
  }
}
