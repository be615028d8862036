package chart

import (
	"encoding/binary"
	"image"
	"io"
)

// The parts of a file of the Truevision TGA File Format Specification, version 2.0, that a true-colour picture needs: the
// header of section C.1 to C.5 (18 bytes), the pixels, and the footer (26 bytes) by which a file of version 2.0 is known.
const (
	tgaTrueColour = 2 // uncompressed
	tgaDepth      = 24
	tgaSignature  = "TRUEVISION-XFILE.\x00"
)

// encodeTGA writes a picture without compression, 24 bits a pixel, from its lowest row upwards as all readers of the format
// expect it. The picture is opaque.
func encodeTGA(w io.Writer, picture *image.NRGBA) error {
	size := picture.Bounds().Size()
	out := make([]byte, 18, 18+size.X*size.Y*3+26)
	out[2] = tgaTrueColour
	binary.LittleEndian.PutUint16(out[12:], uint16(size.X)) // at most MaxSize
	binary.LittleEndian.PutUint16(out[14:], uint16(size.Y))
	out[16] = tgaDepth
	for y := size.Y - 1; y >= 0; y-- {
		row := picture.Pix[y*picture.Stride : y*picture.Stride+4*size.X]
		for x := 0; x < len(row); x += 4 {
			out = append(out, row[x+2], row[x+1], row[x])
		}
	}
	out = append(out, make([]byte, 8)...) // neither an extension nor a developer area
	out = append(out, tgaSignature...)
	_, err := w.Write(out)
	return err
}
