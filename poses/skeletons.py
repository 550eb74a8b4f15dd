"""The joint tables of the eight skeletons: (joint, its parent) in each data set's official order.

A joint that lies on the left or the right begins with `left_` or `right_`; the same body point has
the same name in every skeleton, so that `convert_joints` can go by name. The root's parent is None.
"""

Table = tuple[tuple[str, str | None], ...]

# Human3.6M, the 17 joints that the field evaluates (Ionescu et al. 2014; order of Martinez 2017).
_H36M17: Table = (
    ("pelvis", None),
    ("right_hip", "pelvis"),
    ("right_knee", "right_hip"),
    ("right_ankle", "right_knee"),
    ("left_hip", "pelvis"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("spine", "pelvis"),
    ("thorax", "spine"),
    ("neck_nose", "thorax"),
    ("head_top", "neck_nose"),
    ("left_shoulder", "thorax"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_shoulder", "thorax"),
    ("right_elbow", "right_shoulder"),
    ("right_wrist", "right_elbow"),
)

# COCO keypoints (Lin et al. 2014). It has no pelvis: the tree hangs from the nose.
_COCO17: Table = (
    ("nose", None),
    ("left_eye", "nose"),
    ("right_eye", "nose"),
    ("left_ear", "left_eye"),
    ("right_ear", "right_eye"),
    ("left_shoulder", "nose"),
    ("right_shoulder", "nose"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
)

# MPII Human Pose (Andriluka et al. 2014).
_MPII16: Table = (
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("right_hip", "pelvis"),
    ("left_hip", "pelvis"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("pelvis", None),
    ("thorax", "pelvis"),
    ("upper_neck", "thorax"),
    ("head_top", "upper_neck"),
    ("right_wrist", "right_elbow"),
    ("right_elbow", "right_shoulder"),
    ("right_shoulder", "thorax"),
    ("left_shoulder", "thorax"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
)

# Leeds Sports Pose (Johnson and Everingham 2010). No pelvis: the tree hangs from the neck.
_LSP14: Table = (
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("right_hip", "neck"),
    ("left_hip", "neck"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("right_wrist", "right_elbow"),
    ("right_elbow", "right_shoulder"),
    ("right_shoulder", "neck"),
    ("left_shoulder", "neck"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("neck", None),
    ("head_top", "neck"),
)

# KTH Multiview Football II (Kazemi et al. 2013): LSP's order; its "bottom head" is our neck.
_KTH14: Table = _LSP14

# HumanEva-I as 15 joints (Sigal et al. 2010; order of Pavllo et al. 2019, VideoPose3D).
_HUMANEVA15: Table = (
    ("pelvis", None),
    ("thorax", "pelvis"),
    ("left_shoulder", "thorax"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_shoulder", "thorax"),
    ("right_elbow", "right_shoulder"),
    ("right_wrist", "right_elbow"),
    ("left_hip", "pelvis"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("right_hip", "pelvis"),
    ("right_knee", "right_hip"),
    ("right_ankle", "right_knee"),
    ("head_top", "thorax"),
)

# MediaPipe Pose (Bazarevsky et al. 2020). No pelvis: the tree hangs from the nose.
_BLAZEPOSE33: Table = (
    ("nose", None),
    ("left_eye_inner", "nose"),
    ("left_eye", "left_eye_inner"),
    ("left_eye_outer", "left_eye"),
    ("right_eye_inner", "nose"),
    ("right_eye", "right_eye_inner"),
    ("right_eye_outer", "right_eye"),
    ("left_ear", "left_eye_outer"),
    ("right_ear", "right_eye_outer"),
    ("left_mouth", "nose"),
    ("right_mouth", "nose"),
    ("left_shoulder", "nose"),
    ("right_shoulder", "nose"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
    ("left_pinky", "left_wrist"),
    ("right_pinky", "right_wrist"),
    ("left_index", "left_wrist"),
    ("right_index", "right_wrist"),
    ("left_thumb", "left_wrist"),
    ("right_thumb", "right_wrist"),
    ("left_hip", "left_shoulder"),
    ("right_hip", "right_shoulder"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
    ("left_heel", "left_ankle"),
    ("right_heel", "right_ankle"),
    ("left_foot_index", "left_ankle"),
    ("right_foot_index", "right_ankle"),
)

# OpenPose BODY_25 (Cao et al. 2019); its "MidHip" is our pelvis.
_BODY25: Table = (
    ("nose", "neck"),
    ("neck", "pelvis"),
    ("right_shoulder", "neck"),
    ("right_elbow", "right_shoulder"),
    ("right_wrist", "right_elbow"),
    ("left_shoulder", "neck"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("pelvis", None),
    ("right_hip", "pelvis"),
    ("right_knee", "right_hip"),
    ("right_ankle", "right_knee"),
    ("left_hip", "pelvis"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("right_eye", "nose"),
    ("left_eye", "nose"),
    ("right_ear", "right_eye"),
    ("left_ear", "left_eye"),
    ("left_big_toe", "left_ankle"),
    ("left_small_toe", "left_big_toe"),
    ("left_heel", "left_ankle"),
    ("right_big_toe", "right_ankle"),
    ("right_small_toe", "right_big_toe"),
    ("right_heel", "right_ankle"),
)

TABLES: dict[str, Table] = {
    "h36m17": _H36M17,
    "coco17": _COCO17,
    "mpii16": _MPII16,
    "lsp14": _LSP14,
    "humaneva15": _HUMANEVA15,
    "kth14": _KTH14,
    "blazepose33": _BLAZEPOSE33,
    "body25": _BODY25,
}
