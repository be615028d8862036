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
	tgaDownwards  = 0x20
	tgaSignature  = "TRUEVISION-XFILE.\x00"
)

// encodeTGA writes a picture without compression, 24 bits a pixel, from its highest row downwards, and says so in bit 5 of the
// image descriptor. Without that bit it would be told from its lowest row upwards, which is as good by the format, but ImageMagick 6
// and 7 show it upside down. The picture is opaque.
func encodeTGA(w io.Writer, picture *image.NRGBA) error {
	size := picture.Bounds().Size()
	out := make([]byte, 18, 18+size.X*size.Y*3+26)
	out[2] = tgaTrueColour
	binary.LittleEndian.PutUint16(out[12:], uint16(size.X)) // at most MaxSize
	binary.LittleEndian.PutUint16(out[14:], uint16(size.Y))
	out[16], out[17] = tgaDepth, tgaDownwards
	for y := range size.Y {
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
