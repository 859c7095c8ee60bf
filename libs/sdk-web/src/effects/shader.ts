/** Draws one picture with the beauty filter, on WebGL: skin smoothed along its edges, a brighter curve, warmer red, sharper detail. */
import { Code, failure, type ZegoError } from "../errors";

/** Shares of 0 to 1. */
export interface BeautyShares {
  sharpen: number;
  whiten: number;
  rosy: number;
  smooth: number;
}

const VERTEX = `
attribute vec2 corner;
varying vec2 at;
void main() { at = vec2(corner.x, 1.0 - corner.y); gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0); }`;

/**
 * The smoothing is bilateral (neighbours count by how alike they are), so that contours stay; it is weighted by how like skin a colour is.
 * The sharpening leaves out differences that are as small as a camera's noise, which it would lift up, and skin as far as that is smoothed.
 */
const FRAGMENT = `
precision mediump float;
uniform sampler2D picture;
uniform vec2 texel;
uniform vec4 shares;
varying vec2 at;
float skin(vec3 c) { return smoothstep(0.02, 0.12, c.r - c.g) * smoothstep(-0.06, 0.06, c.g - c.b); }
void main() {
  vec3 here = texture2D(picture, at).rgb;
  vec3 alike = here;
  vec3 around = vec3(0.0);
  float weight = 1.0;
  for (int i = 0; i < 16; i++) {
    float angle = float(i) * 2.39996;
    float radius = 1.0 + float(i) * 0.4;
    vec3 there = texture2D(picture, at + vec2(cos(angle), sin(angle)) * radius * texel).rgb;
    float likeness = exp(-dot(there - here, there - here) * 60.0);
    alike += there * likeness;
    weight += likeness;
    if (i < 4) around += there * 0.25;
  }
  float smoothed = shares.w * skin(here);
  vec3 colour = mix(here, alike / weight, smoothed);
  vec3 detail = here - around;
  float contour = smoothstep(0.08, 0.2, length(detail));
  colour += detail * contour * shares.x * (1.0 - smoothed) * 1.2;
  colour = clamp(colour, 0.0, 1.0);
  colour = mix(colour, log(colour * 2.0 + 1.0) / log(3.0), shares.y * 0.6);
  colour *= mix(vec3(1.0), vec3(1.1, 1.0, 1.02), shares.z);
  gl_FragColor = vec4(clamp(colour, 0.0, 1.0), 1.0);
}`;

type Canvas = OffscreenCanvas | HTMLCanvasElement;

export class BeautyShader {
  private readonly gl: WebGLRenderingContext;
  private readonly texel: WebGLUniformLocation | null;
  private readonly shares: WebGLUniformLocation | null;
  private readonly onLost = () => this.lost(failure(Code.BEAUTY_UNSUPPORTED, "the browser took the graphics context of the effect away"));

  /** `lost` is called when the browser takes the drawing context away: a graphics driver was restarted, or too many pages draw. */
  constructor(
    private readonly canvas: Canvas,
    private readonly lost: (error: ZegoError) => void,
  ) {
    const gl = canvas.getContext("webgl", { alpha: false, antialias: false }) as WebGLRenderingContext | null;
    if (!gl) throw failure(Code.BEAUTY_UNSUPPORTED, "this browser has no WebGL for effects");
    this.gl = gl;
    const program = link(gl);
    gl.useProgram(program);
    this.texel = gl.getUniformLocation(program, "texel");
    this.shares = gl.getUniformLocation(program, "shares");
    this.square(program);
    this.texture();
    canvas.addEventListener("webglcontextlost", this.onLost);
  }

  /** Frees the WebGL context, of which a browser has few. */
  close(): void {
    this.canvas.removeEventListener("webglcontextlost", this.onLost);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  draw(picture: TexImageSource, width: number, height: number, { sharpen, whiten, rosy, smooth }: BeautyShares): void {
    const { gl, canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      gl.viewport(0, 0, width, height);
      gl.uniform2f(this.texel, 1 / width, 1 / height);
    }
    gl.uniform4f(this.shares, sharpen, whiten, rosy, smooth);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, picture);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private square(program: WebGLProgram): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  }

  private texture(): void {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  }
}

function link(gl: WebGLRenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw failure(Code.BEAUTY_UNSUPPORTED, `the effect cannot be drawn here: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
