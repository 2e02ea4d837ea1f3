"""The studio: Blender objects, materials, lights, camera; posing and rendering a frame."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
from anatomy import UNITS
from clothes import Garment
from geometry import Part, normals
from mathutils import Vector
from presenter import Presenter

SIZE = 512
DISTANCE, CAMERA_Z = 1.35, 0.628
FRAME_TOP, FRAME_HEIGHT = 0.797, 0.435  # metres seen in the plane of the face
FACE_Y = -0.10
STUMP, STUMP_FRONT = 0.2, 0.6  # skin with less head weight than this belongs to the torso plate


def attribute(mesh: bpy.types.Mesh, name: str, kind: str, values: np.ndarray) -> None:
    """Store a per-point attribute: kind FLOAT_VECTOR, FLOAT_COLOR or FLOAT."""
    key = {"FLOAT_VECTOR": "vector", "FLOAT_COLOR": "color", "FLOAT": "value"}[kind]
    layer = mesh.attributes.new(name, kind, "POINT")
    layer.data.foreach_set(key, np.ascontiguousarray(values, np.float32).ravel())


class Nodes:
    """A small hand for building a material: `n("TexNoise", Scale=3)` makes a node, `n.link(a, b)` joins sockets."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.bsdf = self.tree.nodes["Principled BSDF"]
        self.output = self.tree.nodes["Material Output"]

    def __call__(self, kind: str, **inputs: object) -> bpy.types.Node:
        """New node of type ShaderNode`kind`, with input values by socket name (underscore for space)."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for key, value in inputs.items():
            node.inputs[key.replace("_", " ")].default_value = value
        return node

    def link(self, a: bpy.types.NodeSocket, b: bpy.types.NodeSocket) -> None:
        """Join an output to an input."""
        self.tree.links.new(a, b)

    def set(self, **inputs: object) -> None:
        """Values of the Principled BSDF by socket name."""
        for key, value in inputs.items():
            self.bsdf.inputs[key.replace("_", " ")].default_value = value

    def attribute(self, name: str) -> bpy.types.Node:
        """Node that reads a point attribute."""
        node = self("Attribute")
        node.attribute_name = name
        return node

    def noise(self, scale: float, detail: float) -> bpy.types.NodeSocket:
        """Noise fixed to the rest shape, so that it does not swim when the face moves."""
        node = self("TexNoise", Scale=scale, Detail=detail)
        self.link(self.attribute("rest").outputs["Vector"], node.inputs["Vector"])
        return node.outputs[0]

    def mapped(self, value: bpy.types.NodeSocket, limits: tuple[float, float, float, float]) -> bpy.types.NodeSocket:
        """Map range: from (a, b) to (c, d), clamped."""
        node = self("MapRange")
        self.link(value, node.inputs[0])
        for i, limit in enumerate(limits):
            node.inputs[i + 1].default_value = limit
        return node.outputs[0]

    def mix(self, amount: bpy.types.NodeSocket, a: bpy.types.NodeSocket, colour: tuple) -> bpy.types.NodeSocket:
        """Blend a colour socket toward a fixed colour."""
        node = self("Mix")
        node.data_type = "RGBA"
        self.link(amount, node.inputs[0])
        self.link(a, node.inputs[6])
        node.inputs[7].default_value = (*colour, 1)
        return node.outputs[2]

    def bump(self, height: bpy.types.NodeSocket, strength: float, distance: float) -> None:
        """Bump the BSDF's normal."""
        node = self("Bump", Strength=strength, Distance=distance)
        self.link(height, node.inputs["Height"])
        self.link(node.outputs[0], self.bsdf.inputs["Normal"])


def skin_material() -> bpy.types.Material:
    """Vertex albedo with freckles and pores, subsurface scattering, glossier lips."""
    n = Nodes("skin")
    albedo = n.attribute("albedo").outputs["Color"]
    freckles = n.mapped(n.noise(430, 2), (0.62, 0.74, 0, 0.32))
    colour = n.mix(freckles, albedo, (0.42, 0.20, 0.13))
    n.link(colour, n.bsdf.inputs["Base Color"])
    n.set(Subsurface_Weight=1.0, Subsurface_Radius=(1.0, 0.36, 0.2), Subsurface_Scale=0.0035, IOR=1.4)
    n.set(Specular_IOR_Level=0.5)
    gloss = n.attribute("gloss").outputs["Fac"]
    n.link(n.mapped(gloss, (0, 1, 0.52, 0.30)), n.bsdf.inputs["Roughness"])
    n.bump(n.noise(1500, 3), 0.3, 0.0005)
    return n.material


def plain_material(name: str, colour: tuple, roughness: float, **inputs: object) -> bpy.types.Material:
    """One colour; further Principled inputs by name."""
    n = Nodes(name)
    n.set(Base_Color=(*colour, 1), Roughness=roughness, **inputs)
    return n.material


def eye_material() -> bpy.types.Material:
    """Wet eyeball with a coloured iris; the ramp is evaluated per point (see appearance.IRIS)."""
    n = Nodes("eye")
    albedo = n.attribute("albedo").outputs["Color"]
    fibre = n.mapped(n.noise(1400, 2), (0.35, 0.7, 0, 0.25))
    n.link(n.mix(fibre, albedo, (0.30, 0.17, 0.10)), n.bsdf.inputs["Base Color"])
    n.link(albedo, n.bsdf.inputs["Base Color"])
    n.set(Roughness=0.12, Coat_Weight=1.0, Coat_Roughness=0.02, Subsurface_Weight=0.15, Subsurface_Scale=0.002)
    return n.material


def hair_material(name: str, melanin: float) -> bpy.types.Material:
    """Hair BSDF by melanin, slightly different strand by strand."""
    n = Nodes(name)
    n.tree.nodes.remove(n.bsdf)
    hair = n("BsdfHairPrincipled")
    hair.parametrization = "MELANIN"
    for key, value in (("Melanin", melanin), ("Melanin Redness", 0.42), ("Random Color", 0.35)):
        hair.inputs[key].default_value = value
    hair.inputs["Roughness"].default_value = 0.32
    hair.inputs["Radial Roughness"].default_value = 0.45
    n.link(hair.outputs[0], n.output.inputs["Surface"])
    return n.material


def cloth_material(name: str, colour: tuple, weave: float, sheen: float, cut: bool) -> bpy.types.Material:
    """Woven cloth; with `cut`, everything where the "cut" attribute is negative is invisible."""
    n = Nodes(name)
    n.set(Base_Color=(*colour, 1), Roughness=0.8, Sheen_Weight=sheen, Sheen_Roughness=0.4)
    n.bump(n.noise(weave, 4), 0.25, 0.0006)
    if cut:
        keep = n.mapped(n.attribute("cut").outputs["Fac"], (-0.0002, 0.0002, 0, 1))
        n.link(keep, n.bsdf.inputs["Alpha"])
    return n.material


def materials() -> dict[str, bpy.types.Material]:
    """All materials by name."""
    cream, navy = (0.80, 0.74, 0.66), (0.012, 0.018, 0.036)
    out = {
        "skin": skin_material(),
        "eye": eye_material(),
        "teeth": plain_material("teeth", (0.80, 0.74, 0.64), 0.18, Subsurface_Weight=0.3, Subsurface_Scale=0.002),
        "tongue": plain_material("tongue", (0.52, 0.17, 0.16), 0.3, Subsurface_Weight=0.4, Subsurface_Scale=0.004),
        "hair": hair_material("hair", 0.80),
        "brow": hair_material("brow", 0.74),
        "lash": plain_material("lash", (0.008, 0.006, 0.005), 0.5),
    }
    for name, colour, weave, sheen in (("top", cream, 900, 0.1), ("blazer", navy, 1300, 0.06)):
        out[name] = cloth_material(name, colour, weave, sheen, False)
        out[f"{name}_cut"] = cloth_material(f"{name}_cut", colour, weave, sheen, True)
    return out


MATERIAL_OF = {
    **{"skin": "skin", "eye_l": "eye", "eye_r": "eye", "teeth_upper": "teeth", "teeth_lower": "teeth"},
    **{"tongue": "tongue", "hair": "hair", "flyaway": "hair", "wisp": "hair", "brow": "brow", "lash": "lash"},
}


def add_mesh(name: str, points: np.ndarray, faces: list[list[int]], material: bpy.types.Material) -> bpy.types.Object:
    """A smooth-shaded mesh object that remembers its rest shape in the attribute "rest"."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces)
    mesh.polygons.foreach_set("use_smooth", np.ones(len(mesh.polygons), bool))
    attribute(mesh, "rest", "FLOAT_VECTOR", points)
    mesh.materials.append(material)
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(obj)
    return obj


def add_strands(part: Part, material: bpy.types.Material) -> bpy.types.Object:
    """A hair-curves object."""
    curves = bpy.data.hair_curves.new(part.name)
    count = len(part.rest) // part.strand_points
    curves.add_curves([part.strand_points] * count)
    taper = np.linspace(part.radius[0], part.radius[1], part.strand_points)
    curves.points.foreach_set("radius", np.tile(taper, count).astype(np.float32))
    curves.points.foreach_set("position", part.rest.astype(np.float32).ravel())
    curves.materials.append(material)
    obj = bpy.data.objects.new(part.name, curves)
    bpy.context.collection.objects.link(obj)
    return obj


def add_garment(garment: Garment, material: dict[str, bpy.types.Material]) -> bpy.types.Object:
    """A garment, thickened; cut ones carry the "cut" attribute."""
    name = garment.material + ("_cut" if garment.cut is not None else "")
    obj = add_mesh(garment.name, garment.vertices, garment.faces, material[name])
    if garment.cut is not None:
        attribute(obj.data, "cut", "FLOAT", garment.cut)
    if garment.thickness:
        solid = obj.modifiers.new("thick", "SOLIDIFY")
        solid.thickness, solid.offset = garment.thickness, 0.0
    return obj


def area_light(location: tuple, energy: float, size: float, colour: tuple, reflected: bool = True) -> None:
    """A square soft light aimed at the face; without `reflected` it leaves no highlight in the eyes."""
    light = bpy.data.lights.new("light", "AREA")
    light.energy, light.size, light.color = energy, size, colour
    obj = bpy.data.objects.new("light", light)
    obj.location, obj.visible_glossy = location, reflected
    obj.rotation_euler = (Vector((0, -0.05, 0.62)) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(obj)


def lights() -> None:
    """Key, fill, a lift from below, glint, two rims and a dim sky."""
    area_light((-0.85, -1.05, 1.15), 19.0, 0.55, (1.0, 0.95, 0.89))
    area_light((1.05, -0.9, 0.75), 4.5, 1.0, (0.92, 0.96, 1.0))
    area_light((0.0, -1.1, 0.15), 1.6, 0.8, (1.0, 0.93, 0.88))
    area_light((0.0, -1.45, 0.56), 1.9, 0.35, (1.0, 0.96, 0.92), reflected=False)
    area_light((-0.38, -1.35, 0.86), 1.1, 0.2, (1.0, 0.98, 0.95))  # the glint in her eyes
    area_light((0.65, 0.75, 1.15), 9.0, 0.5, (1.0, 0.97, 0.93))
    area_light((-0.75, 0.75, 0.95), 6.0, 0.5, (0.92, 0.96, 1.0))
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs[0].default_value = (0.75, 0.82, 0.9, 1)
    background.inputs[1].default_value = 0.16


def camera_matrices() -> tuple[np.ndarray, np.ndarray]:
    """viewmat [4,4] (world to camera, OpenCV axes) and K [3,3] at SIZE pixels."""
    focal = SIZE * DISTANCE / FRAME_HEIGHT
    cy = (FRAME_TOP - CAMERA_Z) / FRAME_HEIGHT * SIZE
    K = np.array([[focal, 0, SIZE / 2], [0, focal, cy], [0, 0, 1.0]])
    R = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)
    viewmat = np.eye(4)
    viewmat[:3, :3] = R
    viewmat[:3, 3] = -R @ [0, FACE_Y - DISTANCE, CAMERA_Z]
    return viewmat, K


def camera() -> None:
    """Blender's camera for `camera_matrices` (the principal point by lens shift)."""
    _, K = camera_matrices()
    data = bpy.data.cameras.new("camera")
    data.sensor_width = data.sensor_height = 36.0
    data.lens = 36.0 * K[0, 0] / SIZE
    data.shift_y = (K[1, 2] - SIZE / 2) / SIZE
    obj = bpy.data.objects.new("camera", data)
    obj.location = (0, FACE_Y - DISTANCE, CAMERA_Z)
    obj.rotation_euler = (math.radians(90), 0, 0)
    bpy.context.collection.objects.link(obj)
    bpy.context.scene.camera = obj


def settings(samples: int, threads: int, gpu: bool) -> None:
    """Cycles at SIZE x SIZE over a transparent film, denoised."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_adaptive_sampling = samples, False
    scene.cycles.use_denoising, scene.cycles.denoiser = True, "OPENIMAGEDENOISE"
    scene.cycles.max_bounces, scene.cycles.transparent_max_bounces = 6, 16
    scene.cycles_curves.shape, scene.cycles_curves.subdivisions = "RIBBONS", 2
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.film_transparent = True
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.2
    scene.render.image_settings.file_format, scene.render.image_settings.color_mode = "PNG", "RGBA"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    if gpu:
        preferences = bpy.context.preferences.addons["cycles"].preferences
        preferences.compute_device_type = "CUDA"
        preferences.get_devices()
        for device in preferences.devices:
            device.use = device.type == "CUDA"
        scene.cycles.device = "GPU"


class Studio:
    """The presenter in Blender, ready to pose and render."""

    def __init__(self, presenter: Presenter, samples: int = 16, threads: int = 2, gpu: bool = False) -> None:
        for obj in list(bpy.data.objects):
            bpy.data.objects.remove(obj)
        self.presenter = presenter
        material = materials()
        self.objects = {p.name: self._add(p, material[MATERIAL_OF[p.name]]) for p in presenter.moving}
        self.garments = [add_garment(g, material) for g in presenter.clothes]
        attribute(self.objects["skin"].data, "gloss", "FLOAT", presenter.masks["lips"])
        lights()
        camera()
        settings(samples, threads, gpu)

    def _add(self, part: Part, material: bpy.types.Material) -> bpy.types.Object:
        if part.kind == "strands":
            return add_strands(part, material)
        obj = add_mesh(part.name, part.rest, part.faces, material)
        if part.colours is not None:
            attribute(obj.data, "albedo", "FLOAT_COLOR", np.c_[part.colours, np.ones(len(part.rest))])
        return obj

    def pose(self, coeffs: np.ndarray, head: np.ndarray) -> None:
        """Move every part: coeffs [K] in the order of anatomy.UNITS, head [4,4]."""
        for part in self.presenter.moving:
            points = part.posed(coeffs, head).astype(np.float32).ravel()
            data = self.objects[part.name].data
            if part.kind == "strands":
                data.points.foreach_set("position", points)
            else:
                data.vertices.foreach_set("co", points)
                data.update()
            data.update_tag()

    def torso_only(self) -> None:
        """Leave only what never moves in the picture; the head keeps casting its shadow on it."""
        self.pose(np.zeros(len(UNITS)), np.eye(4))
        for obj in self.objects.values():
            obj.visible_camera = False
        self.objects["skin"].hide_render = True
        skin = self.presenter.part("skin")
        facing = normals(skin.rest, skin.faces)[:, 1] < -0.5
        low = (skin.weight < STUMP) | (facing & (skin.weight < STUMP_FRONT))
        stump = [f for f in skin.faces if low[f].all()]
        head = [f for f in skin.faces if not low[f].all()]
        self._skin_piece("stump", stump)
        self._skin_piece("head_shadow", head).visible_camera = False

    def _skin_piece(self, name: str, faces: list[list[int]]) -> bpy.types.Object:
        """A copy of the resting skin with only some of its faces."""
        skin = self.presenter.part("skin")
        obj = add_mesh(name, skin.rest, faces, self.objects["skin"].data.materials[0])
        attribute(obj.data, "albedo", "FLOAT_COLOR", np.c_[skin.colours, np.ones(len(skin.rest))])
        attribute(obj.data, "gloss", "FLOAT", self.presenter.masks["lips"])
        return obj

    def render(self, path: Path) -> None:
        """Render the present pose to an RGBA PNG."""
        bpy.context.scene.render.filepath = str(path)
        bpy.ops.render.render(write_still=True)
